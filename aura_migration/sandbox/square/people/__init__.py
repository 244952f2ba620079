"""The people of a Square account: customers, loyalty, gift cards, team and labor. Nothing of the menu."""
