"""`huge`: one location, 5,000 items, 2,000 modifier lists of ten options (20,000 modifiers), 100 categories."""

from __future__ import annotations

from aura_migration.sandbox.square.builder import Builder

FIRST = ("Smoked", "Roasted", "Crispy", "Spicy", "Sweet", "Grilled", "Pickled", "Fresh", "Braised", "Golden")
SECOND = ("Tomato", "Chicken", "Tofu", "Salmon", "Mushroom", "Pork", "Lentil", "Beet", "Corn", "Shrimp")
THIRD = ("Bowl", "Plate", "Sandwich", "Soup", "Salad", "Wrap", "Skewer", "Curry", "Tart", "Noodles")


def huge(builder: Builder, items: int = 5000, groups: int = 2000, options: int = 10, categories: int = 100) -> None:
    """The big menu; the sizes can be scaled down for tests."""
    hall = builder.location("Market Hall", timezone="America/New_York")
    tax = builder.tax("Sales tax", "8.875")
    roots = [builder.category(f"Hall {number + 1}") for number in range(max(1, categories // 10))]
    sections = [
        builder.category(f"Stand {number + 1}", parent=roots[number % len(roots)])
        for number in range(categories - len(roots))
    ]
    builder.write()
    lists = []
    for number in range(groups):
        choices = [
            (f"Choice {number + 1}.{option + 1}", 0 if option == 0 else 25 * option) for option in range(options)
        ]
        lists.append(builder.group(f"Choices {number + 1}", choices, low=number % 2, high=1 + number % 3, jitter=False))
        if number % 200 == 199:
            builder.write()
    places = sections or roots
    for number in range(items):
        name = f"{FIRST[number % 10]} {SECOND[number // 10 % 10]} {THIRD[number // 100 % 10]} {number + 1}"
        cents = builder.price(500 + 25 * (number % 61))
        prices = [("Small", cents), ("Medium", cents + 200), ("Large", cents + 400)] if number % 5 == 0 else cents
        linked = [lists[(2 * number) % groups], lists[(2 * number + 1) % groups]] if groups > 1 else lists
        item = builder.item(
            name,
            prices,
            [places[number % len(places)]],
            groups=linked,
            taxes=[tax],
            sku=f"H{number + 1:05d}",
            jitter=False,
        )
        if number % 10 == 0:
            builder.stock(item.variations[0], hall, str(number % 97))
        if number % 250 == 249:
            builder.write()
