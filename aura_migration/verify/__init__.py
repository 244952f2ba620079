"""Proof that what AuraConnect sells is what the POS sells, by a path that shares no code with the one that loaded it."""
