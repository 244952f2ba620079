"""The parallel window of a migration: opening it, following the POS, judging days, the daily check-in.

What a day's figures mean is in ``reconcile``, gates and switches are in ``cutover``; here they are carried out.
"""
