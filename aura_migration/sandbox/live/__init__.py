"""The live sandbox: simulated trading days at a POS and in AuraConnect, with differences of known cause.

What belongs here: guests, waiters and a till of AuraConnect's own while both systems run, and the known truth of what
they did. Orders are rung up at the POS through its control surface and in AuraConnect by SQL, with an arithmetic of this
package's own: a third reading of how each POS calculates, beside the sandboxes' and the product's. Like the sandboxes it
imports nothing of the product.
"""
