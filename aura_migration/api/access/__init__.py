"""Who may do what: tokens, roles, scope, limits of login-free endpoints. Nothing here knows a particular endpoint."""
