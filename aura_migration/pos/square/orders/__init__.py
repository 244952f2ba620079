"""Orders and money of the past: which lists are read, how completeness is proven, and what becomes of them in AuraConnect."""
