"""Orders of the sandbox Toast: made by number, correct in their sums, read through ordersBulk and by guid."""
