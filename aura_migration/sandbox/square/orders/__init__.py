"""The order history of a Square account: orders, payments, refunds, payouts, cash drawers, disputes. Nothing of the menu."""
