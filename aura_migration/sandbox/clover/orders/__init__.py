"""Order history of the Clover sandbox: orders, payments, refunds, credits and cash, by number and by hand."""
