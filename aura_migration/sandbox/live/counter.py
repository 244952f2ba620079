"""The POS's side: sales, voids and refunds at the counter of a sandbox, by its control surface, and what it says of them.

The three POS are told apart here and nowhere else in this package: how an id of AuraConnect's menu becomes one that the POS
sells by, and what each calls the figures of an order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from aura_migration.sandbox.live.menu import Dish
from aura_migration.sandbox.live.sums import Entry

Op = dict[str, Any]
Row = dict[str, Any]


class CounterError(RuntimeError):
    """The POS's control surface refused; the text is its own."""


@dataclass(frozen=True)
class PosOrder:
    """An order as the POS's own truth has it. ``key``: the id under which AuraConnect knows its copy.

    ``counts``: it is a sale that was paid, neither voided nor deleted. ``charge``: service charges and gratuity. ``payable``
    is without tips. ``business_date`` only where the POS itself says it.
    """

    id: str
    key: str
    opened_at: datetime
    closed_at: datetime | None
    counts: bool
    gross: int
    discount: int
    charge: int
    tax: int
    tip: int
    payable: int
    payments: tuple[str, ...] = ()
    business_date: str | None = None


@dataclass
class _Names:
    """How the POS calls what AuraConnect has: by the ids AuraConnect keeps."""

    items: dict[str, str] = field(default_factory=dict)
    options: dict[tuple[str, str], str] = field(default_factory=dict)


class Counter:
    """The counter of one location of a POS sandbox. ``control_url`` ends in ``/_control``."""

    def __init__(self, control_url: str, location: str, timeout: float = 120.0) -> None:
        self._client = httpx.Client(base_url=control_url, timeout=timeout)
        self.location = location
        self.pos = str(self._get("/")["pos"])
        self._names = self._named()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    # -- the wire ----------------------------------------------------------------------------------------------------

    def _get(self, path: str) -> Any:
        answer = self._client.get(path)
        if answer.is_error:
            raise CounterError(f"GET {path}: {answer.text}")
        return answer.json()

    def _post(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, json=body)
        if answer.is_error:
            raise CounterError(f"POST {path}: {answer.text}")
        return answer.json()

    def edit(self, ops: Sequence[Op]) -> list[str]:
        """Several edits in one request; what they changed."""
        changed: list[str] = self._post("/edit", list(ops))["changed"] if ops else []
        return changed

    @property
    def now(self) -> datetime:
        """The POS's own time."""
        return datetime.fromisoformat(self._get("/clock")["now"])

    def set_clock(self, at: datetime) -> None:
        """Let it be that instant at the POS."""
        self._post("/clock", {"now": at.astimezone(UTC).isoformat().replace("+00:00", "Z")})

    def rows(self, part: str) -> list[Row]:
        """A part of the truth about orders, at this location."""
        answer = self._client.get(f"/orders/{part}")
        if answer.is_error:
            raise CounterError(f"GET /orders/{part}: {answer.text}")
        found = [json.loads(line) for line in answer.text.splitlines() if line]
        return [row for row in found if row.get("location", self.location) == self.location]

    # -- the menu ----------------------------------------------------------------------------------------------------

    def _named(self) -> _Names:
        truth, names = self._get("/truth"), _Names()
        here = [row for row in truth["items"] if row["location"] == self.location]
        if self.pos == "square":
            names.items = {row["id"]: row["variations"][0]["id"] for row in here if len(row["variations"]) == 1}
            names.items |= {held["id"]: held["id"] for row in here for held in row["variations"]}
        elif self.pos == "toast":
            names.items = {row["multi_location_id"]: row["id"] for row in here}
            for edge in truth["edges"]:
                if edge["location"] == self.location and len(edge["path"]) == 1:
                    names.options[edge["item"], edge["name"]] = edge["path"][0][-1]
        else:
            names.items = {f"{self.location}/{row['id']}": row["id"] for row in here}
        return names

    def sells(self, dish: Dish) -> bool:
        """Can the POS ring this dish up by its id alone?"""
        return dish.source in self._names.items

    def item(self, dish: Dish) -> str:
        """The id by which the POS sells a dish. Raises ``CounterError`` where it has none."""
        try:
            return self._names.items[dish.source]
        except KeyError:
            raise CounterError(
                f"{self.pos} cannot ring {dish.name!r} up: it has nothing of id {dish.source!r}"
            ) from None

    def line(self, entry: Entry) -> Op:
        """A line of a sale."""
        item = self.item(entry.dish)
        said: Op = {"item": item, "quantity": entry.quantity}
        if entry.cents is not None:
            said["cents"] = entry.cents
        if entry.choices:
            said["modifiers"] = [
                self._names.options[item, choice.name] if self.pos == "toast" else choice.source.rpartition("/")[2]
                for choice in entry.choices
            ]
        return said

    def set_price(self, dish: Dish, cents: int) -> None:
        """The dish costs that from now on."""
        key = "variation" if self.pos == "square" else "item"
        ops: list[Op] = [{"op": "set_price", key: self.item(dish), "cents": cents}]
        if self.pos == "toast":
            ops.append({"op": "publish"})
        self.edit(ops)

    def add_item(self, name: str, cents: int) -> str:
        """Something new on the menu; the id by which it is sold."""
        ops: list[Op] = [{"op": "add_item", "location": self.location, "name": name, "cents": cents}]
        if self.pos == "toast":
            ops.append({"op": "publish"})
        made = self.edit(ops)
        return made[1] if self.pos == "square" else made[0]

    # -- what happens ------------------------------------------------------------------------------------------------

    def sell(self, sales: Sequence[Op]) -> list[str]:
        """Ring sales up; the ids of their orders, in order. Each is an op ``sell`` without its location."""
        made = self.edit([{"op": "sell", "location": self.location, **sale} for sale in sales])
        if len(made) != len(sales):
            raise CounterError(f"{self.pos}: {len(sales)} sales made {len(made)} orders")
        return made

    def trade(self, day: str, orders: int, seed: int = 0) -> list[str]:
        """Ordinary orders of a whole day, by the POS's own guests; their ids."""
        return self.edit([{"op": "trade", "location": self.location, "day": day, "orders": orders, "seed": seed}])

    def void(self, order: str) -> None:
        """Void a paid order at the POS's present instant."""
        self.edit([{"op": "void", "order": order}])

    def refund(self, order: str) -> None:
        """Give all of an order back, at the POS's present instant."""
        if self.pos == "toast":
            payments = [row["id"] for row in self.rows("payments") if row["order"] == order and row["counts"]]
            self.edit([{"op": "refund", "payment": payment} for payment in payments])
        else:
            self.edit([{"op": "refund", "order": order}])

    def adjust_tip(self, order: str, cents: int) -> None:
        """Change the tip of an order's payment."""
        if self.pos == "square":
            self.edit([{"op": "tip_adjust", "order": order, "cents": cents}])
            return
        payment = next(row["id"] for row in self.rows("payments") if row["order"] == order and row["counts"])
        self.edit([{"op": "tip_adjust", "payment": payment, "cents": cents}])

    # -- what the POS says -------------------------------------------------------------------------------------------

    def orders(self) -> dict[str, PosOrder]:
        """Every order of the location, by its id, as the POS's truth has it now."""
        read: Mapping[str, Callable[[], list[PosOrder]]] = {
            "square": self._square,
            "toast": self._toast,
            "clover": self._clover,
        }
        return {order.id: order for order in read[self.pos]()}

    def refunds(self) -> dict[str, int]:
        """What was given back of each order, all in all."""
        found: dict[str, int] = {}
        for row in self.rows("refunds"):
            order = row["source_order"] if self.pos == "square" else row["order"]
            tip = row.get("tip_cents", 0) if self.pos == "toast" else row.get("tip", 0)
            found[order] = found.get(order, 0) + row["cents"] + tip
        return found

    def _square(self) -> list[PosOrder]:
        return [
            PosOrder(
                row["id"],
                row["id"],
                datetime.fromisoformat(row["created"]),
                datetime.fromisoformat(row["closed"]) if row["closed"] else None,
                row["state"] == "COMPLETED" and row["kind"] == "sale",
                row["gross"],
                row["discounts"],
                row["service_charges"],
                row["tax"],
                row["tips"],
                row["total"] - row["tips"],
                tuple(tender[0] for tender in row["tenders"]),
            )
            for row in self.rows("orders")
        ]

    def _clover(self) -> list[PosOrder]:
        paid: dict[str, list[Row]] = {}
        for row in self.rows("payments"):
            if row["counts"]:
                paid.setdefault(row["order"], []).append(row)
        found = []
        for row in self.rows("orders"):
            payments = paid.get(row["id"], [])
            at = datetime.fromtimestamp(row["created"] / 1000, UTC)
            closed = max((datetime.fromtimestamp(one["at"] / 1000, UTC) for one in payments), default=None)
            found.append(
                PosOrder(
                    row["id"],
                    row["id"],
                    at,
                    closed,
                    bool(payments) and not row["deleted"] and not row["test"],
                    row["gross"],
                    -row["discounts"],
                    row["order_fees"] + row["service_charge"] + row["delivery_fees"],
                    row["tax"],
                    sum(one["tip"] for one in payments),
                    row["total"],
                    tuple(one["id"] for one in payments),
                )
            )
        return found

    def _toast(self) -> list[PosOrder]:
        found = []
        for row in self.rows("orders"):
            sound = not (row["voided"] or row["deleted"] or row["future"] or row["excess_food"])
            checks = [one for one in row["checks"] if not (one["voided"] or one["deleted"])]
            lines = [line for check in checks for line in check["lines"] if not (line["voided"] or line["deferred"])]
            payments = [one for check in row["checks"] for one in check["payments"] if one["counts"]]
            gross = sum(line["gross_cents"] for line in lines)
            found.append(
                PosOrder(
                    row["id"],
                    row["checks"][0]["id"] if row["checks"] else row["id"],
                    datetime.fromisoformat(row["opened_at"]),
                    datetime.fromisoformat(row["closed_at"]) if row["closed_at"] else None,
                    sound and not row["open"],
                    gross,
                    gross - sum(line["net_cents"] for line in lines),
                    sum(charge["cents"] for check in checks for charge in check["charges"]),
                    int(sum(Decimal(check["tax_cents"]) for check in checks)),
                    sum(one["tip_cents"] for one in payments),
                    sum(check["total_cents"] + check["gratuity_cents"] for check in checks),
                    tuple(one["id"] for one in payments),
                    row["business_date"],
                )
            )
        return found
