"""Webhooks of a sandbox POS: who is told of what, by a thread of its own, with the retries and the mishaps of the real one.

What a POS sends (bodies, signatures, schedule of retries) stands in the POS's own `webhooks.py`, which derives from
`Webhooks`; here are only the targets, the queue, the thread and the control surface. Deliveries are due by the
sandbox's clock: `{"skip": seconds}` lets a retry of tomorrow happen now.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import httpx

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.faults import FaultDial
from aura_migration.sandbox.core.ids import Ids

KEPT = 5_000
LONGEST_NAP = 0.5
MOST_COPIES = 100


@dataclass
class Target:
    """One address that is told of events. `events` empty = of all; `url` is what was registered (and is signed)."""

    id: str
    url: str
    secret: str
    events: tuple[str, ...] = ()
    enabled: bool = True
    good_at: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The target with its secret: it is the control surface that asks."""
        return {
            "id": self.id,
            "url": self.url,
            "secret": self.secret,
            "events": list(self.events),
            "enabled": self.enabled,
            **self.facts,
        }


@dataclass
class Delivery:
    """One event on its way to one target. `due` is in the clock's seconds; `state` is waiting, retrying, held,
    delivered, refused (an answer that ends it) or dropped (tried for the last time)."""

    number: int
    event_id: str
    kind: str
    target: Target
    body: bytes
    due: float
    facts: dict[str, Any]
    corrupt: bool = False
    state: str = "waiting"
    first_at: str | None = None
    reason: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self, now: float) -> dict[str, Any]:
        """What was sent, to whom, and what came of it; `due_in` in seconds while it is to be sent."""
        waits = self.state in ("waiting", "retrying", "held")
        return {
            "id": self.number,
            "event_id": self.event_id,
            "kind": self.kind,
            "target": self.target.id,
            "url": self.target.url,
            "state": self.state,
            "due_in": round(max(0.0, self.due - now), 3) if waits else None,
            "attempts": self.attempts,
            "body": self.body.decode(),
        }


class Webhooks:
    """The targets of one POS and everything sent to them. A POS derives from it."""

    timeout = 10.0
    """Seconds a receiver has for its answer."""
    delays: Sequence[float] = ()
    """Seconds from each failed attempt to the next."""
    disabled_after: float | None = None
    """Seconds without one accepted delivery after which a target is switched off."""

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self.ids = ids
        self.clock = clock
        self.dial: FaultDial | None = None
        self.targets: dict[str, Target] = {}
        self._routes: dict[str, str] = {}
        self._kept: deque[Delivery] = deque(maxlen=KEPT)
        self._queue: list[Delivery] = []
        self._overtaken: list[Delivery] = []
        self._holding = self._closing = False
        self._made = self._numbered = 0
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None

    # -- what a POS says -------------------------------------------------------------------------------------------

    def headers(self, delivery: Delivery, secret: str, attempt: int) -> dict[str, str]:
        """The headers of an attempt (from 1), signed with `secret`."""
        raise NotImplementedError

    def is_tried_again(self, status: int | None) -> bool:
        """Does this answer (None: there was none in time) ask for another attempt?"""
        return status is None or not 200 <= status < 300

    def delays_of(self, delivery: Delivery) -> Sequence[float]:
        """Seconds from each failed attempt of this delivery to the next."""
        return self.delays

    def new_target(self, op: dict[str, Any]) -> Target:
        """The target that `{"op": "target", "url", "secret"?, "events"?}` describes."""
        number = str(len(self.targets) + 1)
        secret = str(op.get("secret") or self.ids.uuid("webhook secret", number))
        return Target(self.ids.uuid("webhook target", number), str(op["url"]), secret, _texts(op, "events"))

    def before(self, op: dict[str, Any]) -> Any:
        """What has to be known of the world before an edit to tell of it afterwards."""
        return None

    def edited(self, op: dict[str, Any], changed: Sequence[str], before: Any) -> None:
        """Tell of an edit that was just carried out."""

    def revoked(self) -> None:
        """Tell that the merchant withdrew the access."""

    def sent_by_hand(self, op: dict[str, Any]) -> list[Delivery]:
        """Make the event that `{"op": "send", …}` describes without any edit."""
        raise ControlError('send {"op": "send", "event": the event_id of something sent before}')

    def other(self, op: dict[str, Any]) -> dict[str, Any]:
        """A control verb that only this POS has."""
        raise ControlError(
            f"webhooks have no {op.get('op')!r}; they have: target, remove_target, route, hold, release, send, repeat"
        )

    # -- sending ---------------------------------------------------------------------------------------------------

    @property
    def are_wanted(self) -> bool:
        """Is anybody told of anything?"""
        return any(target.enabled for target in self.targets.values())

    def event_id(self) -> str:
        """The id of one more event."""
        self._made += 1
        return self.ids.uuid("webhook event", str(self._made))

    def now_text(self) -> str:
        """POS time with milliseconds, as `2026-10-01T09:00:00.000Z`."""
        return self.clock.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def post(self, kind: str, event_id: str, body: bytes, *, corrupt: bool = False, **facts: Any) -> list[Delivery]:
        """Queue an event for every target that wants it, with what the fault dial does to it."""
        made: list[Delivery] = []
        for target in [held for held in self.targets.values() if held.enabled]:
            if not target.events or kind in target.events:
                made.append(self.post_to(target, kind, event_id, body, corrupt=corrupt, **facts))
        return made

    def post_to(
        self, target: Target, kind: str, event_id: str, body: bytes, *, corrupt: bool = False, **facts: Any
    ) -> Delivery:
        """Queue an event for one target."""
        fired = {fault.kind: fault.spec for fault in (self.dial.fire_webhook(kind) if self.dial else ())}
        copies = 1 + int(fired.get("webhook_duplicate", {}).get("copies", 1 if "webhook_duplicate" in fired else 0))
        with self._lock:
            made = []
            for _ in range(copies):
                self._numbered += 1
                due = self.clock.monotonic()
                bad = corrupt or "webhook_corrupt" in fired
                made.append(Delivery(self._numbered, event_id, kind, target, body, due, facts, bad))
            self._kept.extend(made)
            if "webhook_reorder" in fired:
                for delivery in made:
                    delivery.state = "held"
                self._overtaken.extend(made)
            else:
                self._queue.extend([*made, *self._released()])
            self._start()
            self._lock.notify_all()
        return made[0]

    def _released(self) -> list[Delivery]:
        """What was to be overtaken, and now is."""
        late, self._overtaken = self._overtaken, []
        for delivery in late:
            delivery.state = "waiting"
        return late

    def wake(self) -> None:
        """Look at the clock again."""
        with self._lock:
            self._lock.notify_all()

    def close(self) -> None:
        """End the thread; what was not sent is not sent."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _start(self) -> None:
        if self._thread is None and not self._closing:
            self._thread = threading.Thread(target=self._work, name="sandbox-webhooks", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        with httpx.Client(timeout=self.timeout, follow_redirects=False, trust_env=False) as client:
            while (delivery := self._next()) is not None:
                self._attempt(client, delivery)

    def _next(self) -> Delivery | None:
        """The first delivery that is due, when it is; None when the sandbox closes."""
        with self._lock:
            while not self._closing:
                now = self.clock.monotonic()
                due = [held for held in self._queue if held.due <= now] if not self._holding else []
                if due:
                    self._queue.remove(due[0])
                    return due[0]
                # With something waiting for the clock it is looked at now and then: anybody may have moved it.
                self._lock.wait(LONGEST_NAP if self._queue else None)
            return None

    def _attempt(self, client: httpx.Client, delivery: Delivery) -> None:
        at = self.now_text()
        delivery.first_at = delivery.first_at or at
        number = len(delivery.attempts) + 1
        secret = delivery.target.secret + ("-wrong" if delivery.corrupt else "")
        headers = {"Content-Type": "application/json", **self.headers(delivery, secret, number)}
        answer = self.ask(client, delivery.target.url, delivery.body, headers)
        with self._lock:
            delivery.attempts.append({"number": number, "at": at, **answer})
            status = answer["status"]
            now = self.clock.monotonic()
            if status is not None and 200 <= status < 300:
                delivery.state, delivery.target.good_at = "delivered", now
            elif not self.is_tried_again(status):
                delivery.state = "refused"
            elif number > len(self.delays_of(delivery)):
                delivery.state = "dropped"
            else:
                delivery.state = "retrying"
                delivery.reason = "http_error" if status is not None else "http_timeout"
                delivery.due = now + self.delays_of(delivery)[number - 1]
                self._queue.append(delivery)
            limit = self.disabled_after
            if delivery.state != "delivered" and limit is not None and now - delivery.target.good_at > limit:
                delivery.target.enabled = False

    def ask(self, client: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """One POST: `{"status", "error"}`, of which one is null. An address is turned by `route` first."""
        for prefix, instead in self._routes.items():
            if url.startswith(prefix):
                url = instead + url.removeprefix(prefix)
        try:
            return {"status": client.post(url, content=body, headers=headers).status_code, "error": None}
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return {"status": None, "error": f"{type(error).__name__}: {error}"}

    # -- control surface -------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Everything: targets with their secrets, turned addresses, and what was sent, the oldest first."""
        with self._lock:
            now = self.clock.monotonic()
            return {
                "targets": [target.to_json() for target in self.targets.values()],
                "routes": dict(self._routes),
                "holding": self._holding,
                "deliveries": [delivery.to_json(now) for delivery in self._kept],
            }

    def control(self, op: dict[str, Any]) -> dict[str, Any]:
        """`{"op": "target", "url", "secret"?, "events"?}` (answers it with id and secret), `{"op": "remove_target",
        "target"}`, `{"op": "route", "from": prefix, "to": prefix}` (addresses that begin with the one are reached at the
        other, as through a tunnel), `{"op": "hold"}`, `{"op": "release", "order"?: "made" | "reversed" | "shuffled"}`,
        `{"op": "send", "event"?: event_id, "corrupt"?: true, …}` (that event again, or one of the POS's making),
        `{"op": "repeat", "event": event_id, "times"?: 5}`, and the POS's own."""
        verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "target": self._add_target,
            "remove_target": self._remove_target,
            "route": self._route,
            "hold": self._hold,
            "release": self._release,
            "send": lambda op: self._repeat({"times": 1, **op}) if "event" in op else self._by_hand(op),
            "repeat": self._repeat,
        }
        return {"ok": True, **verbs.get(str(op.get("op")), self.other)(op)}

    def _add_target(self, op: dict[str, Any]) -> dict[str, Any]:
        if not str(op.get("url", "")).startswith(("http://", "https://")):
            raise ControlError('a target needs a "url" that begins with https:// or http://')
        target = self.new_target(op)
        target.good_at = self.clock.monotonic()
        self.targets[target.id] = target
        return {"target": target.to_json()}

    def _remove_target(self, op: dict[str, Any]) -> dict[str, Any]:
        if self.targets.pop(str(op.get("target")), None) is None:
            raise ControlError(f"there is no target {op.get('target')!r}; there are: {', '.join(self.targets)}")
        return {}

    def _route(self, op: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(op.get("from"), str) or not isinstance(op.get("to"), str) or not op["from"]:
            raise ControlError('send {"op": "route", "from": prefix of an address, "to": what stands there instead}')
        self._routes[op["from"]] = op["to"]
        return {"routes": dict(self._routes)}

    def _hold(self, _op: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._holding = True
        return {"holding": True}

    def _release(self, op: dict[str, Any]) -> dict[str, Any]:
        order = op.get("order", "made")
        if order not in ("made", "reversed", "shuffled"):
            raise ControlError('"order" must be made, reversed or shuffled')
        with self._lock:
            self._queue.extend(self._released())
            self._queue.sort(key=lambda delivery: delivery.number, reverse=order == "reversed")
            if order == "shuffled":
                random.Random(f"{self.ids.seed}:{self._numbered}").shuffle(self._queue)  # noqa: S311 - seeded on purpose
            self._holding = False
            self._lock.notify_all()
            return {"released": len(self._queue)}

    def _repeat(self, op: dict[str, Any]) -> dict[str, Any]:
        times = op.get("times", 5)
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MOST_COPIES:
            raise ControlError(f'"times" must be a whole number from 1 to {MOST_COPIES}')
        with self._lock:
            first = {held.target.id: held for held in reversed(self._kept) if held.event_id == op.get("event")}
        if not first:
            raise ControlError(f"no event {op.get('event')!r} was made; GET /_control/webhooks lists them")
        corrupt = bool(op.get("corrupt", False))
        made = [
            self.post_to(held.target, held.kind, held.event_id, held.body, corrupt=corrupt, **held.facts)
            for held in first.values()
            for _ in range(times)
        ]
        return {"deliveries": [delivery.number for delivery in made]}

    def _by_hand(self, op: dict[str, Any]) -> dict[str, Any]:
        made = self.sent_by_hand(op)
        return {
            "deliveries": [delivery.number for delivery in made],
            "events": list(dict.fromkeys(delivery.event_id for delivery in made)),
        }


def _texts(op: dict[str, Any], name: str) -> tuple[str, ...]:
    value = op.get(name) or []
    if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
        raise ControlError(f'"{name}" must be a list of texts')
    return tuple(value)
