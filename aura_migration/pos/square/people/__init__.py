"""Customers, loyalty, gift cards, staff and time worked: reading them out of a Square account, and their canonical rows."""
