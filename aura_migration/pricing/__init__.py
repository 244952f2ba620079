"""How an order is priced and taxed: pure arithmetic on integers, by a policy that is data.

`engine.price` turns a `bill.Bill` and a `policy.Policy` into a `priced.PricedBill`. Nothing in here reads a database, a clock
or the wire of a POS, and nothing branches on which POS it is: how each one calculates is a value in `policies`. Building
bills from orders and comparing the results belong to verify.
"""
