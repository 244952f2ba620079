"""The people of a Clover sandbox: customers and staff with their shifts, what is true about them, and export files."""
