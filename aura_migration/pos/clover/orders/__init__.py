"""Clover's history: how orders and money of a merchant are read, and what rows they become."""
