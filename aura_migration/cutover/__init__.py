"""Switching: which system may do what, from which instant on, and the way back.

Owners and gates are rows in PostgreSQL. What is imported and how it is proven belongs to the stages before.
"""
