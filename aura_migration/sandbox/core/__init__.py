"""What the three sandbox POS share: ids, clock, limits, faults, application shell, server. Nothing of any one POS."""
