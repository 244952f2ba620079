"""Square's webhook subscriptions API. Subscriptions belong to the application: only its personal token may ask."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.routing import Route

from aura_migration.sandbox.core.webhooks import Delivery, Target
from aura_migration.sandbox.square.context import Call, Context, array_of, bounded, flag
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.webhooks import SCOPE_OF, SquareWebhooks

LONGEST_KEY, LONGEST_NAME, PAGE = 45, 64, 100
LOOPBACK = ("127.0.0.1", "localhost", "::1")
BASE = "/v2/webhooks/subscriptions"
Json = dict[str, Any]


def subscription_json(target: Target) -> Json:
    """A WebhookSubscription."""
    return {
        "id": target.id,
        "name": target.facts["name"],
        "enabled": target.enabled,
        "event_types": list(target.events or SCOPE_OF),
        "notification_url": target.url,
        "api_version": target.facts["api_version"],
        "signature_key": target.secret,
        "created_at": target.facts["created_at"],
        "updated_at": target.facts["updated_at"],
    }


class Subscriptions:
    """The handlers, over the targets of one account's webhooks."""

    def __init__(self, context: Context, webhooks: SquareWebhooks) -> None:
        self._context = context
        self._webhooks = webhooks
        self._done: dict[str, tuple[str, Json]] = {}

    def routes(self) -> list[Route]:
        """All routes."""

        def route(method: str, path: str, handler: Any, **names: Any) -> Route:
            return Route(path, self._context.endpoint(handler, scopes=(), **names), methods=[method])

        keyed = ("idempotency_key",)
        one = BASE + "/{subscription_id}"
        return [
            route("GET", "/v2/webhooks/event-types", self.event_types, query=("api_version",)),
            route("GET", BASE, self.all, query=("cursor", "include_disabled", "sort_order", "limit")),
            route("POST", BASE, self.create, body=("subscription", *keyed)),
            route("GET", one, self.one),
            route("PUT", one, self.update, body=("subscription",)),
            route("DELETE", one, self.delete),
            route("POST", one + "/signature-key", self.rotate, body=keyed),
            route("POST", one + "/test", self.test, body=("event_type",)),
        ]

    def _owner(self, call: Call) -> None:
        token = call.context.tokens.bearer(call.request.headers.get("authorization"))
        if not token.grant.personal:
            raise SquareError("FORBIDDEN", "Webhook subscriptions need the application's personal access token.")

    def _target(self, call: Call) -> Target:
        self._owner(call)
        held = self._webhooks.targets.get(call.request.path_params["subscription_id"])
        if held is None:
            raise SquareError("NOT_FOUND", "Webhook subscription not found.")
        return held

    def event_types(self, call: Call) -> Json:
        """GET /v2/webhooks/event-types."""
        self._owner(call)
        version = call.query.get("api_version") or call.version
        told = [
            {"event_type": kind, "api_version_introduced": version, "release_status": "PUBLIC"} for kind in SCOPE_OF
        ]
        return {"event_types": list(SCOPE_OF), "metadata": told}

    def all(self, call: Call) -> Json:
        """GET /v2/webhooks/subscriptions: the enabled ones unless asked for all."""
        self._owner(call)
        too, order = flag(call.query, "include_disabled"), call.query.get("sort_order") or "ASC"
        if order not in ("ASC", "DESC"):
            raise SquareError("INVALID_ENUM_VALUE", "sort_order must be ASC or DESC.", "sort_order")
        rows = [subscription_json(held) for held in self._webhooks.targets.values() if held.enabled or too]
        position = call.position(BASE, call.query)
        part, cursor = call.page(
            rows[::-1] if order == "DESC" else rows, position, bounded(call, call.query, PAGE, PAGE)
        )
        found: Json = {"subscriptions": list(part)} if part else {}
        return {**found, "cursor": cursor} if cursor else found

    def one(self, call: Call) -> Json:
        """GET /v2/webhooks/subscriptions/{id}."""
        return {"subscription": subscription_json(self._target(call))}

    def create(self, call: Call) -> Json:
        """POST /v2/webhooks/subscriptions."""
        self._owner(call)
        key, said = call.body.get("idempotency_key"), _subscription(call)
        if key is not None and (not isinstance(key, str) or len(key) > LONGEST_KEY):
            raise SquareError("VALUE_TOO_LONG", f"idempotency_key is longer than {LONGEST_KEY}.", "idempotency_key")
        whole = json.dumps(said, sort_keys=True)
        if key is not None and key in self._done:
            before, answer = self._done[key]
            if before != whole:
                raise SquareError("IDEMPOTENCY_KEY_REUSED", "The key was used with another body.", "idempotency_key")
            return answer
        for name in ("name", "event_types", "notification_url"):
            if not said.get(name):
                raise SquareError("MISSING_REQUIRED_PARAMETER", f"{name} is required.", f"subscription.{name}")
        _checked(said)
        target = self._webhooks.new_target(
            {
                "url": said["notification_url"],
                "events": said["event_types"],
                "name": said["name"],
                "api_version": said.get("api_version") or call.version,
            }
        )
        target.enabled = bool(said.get("enabled", True))
        target.good_at = self._webhooks.clock.monotonic()
        self._webhooks.targets[target.id] = target
        made: Json = {"subscription": subscription_json(target)}
        if key is not None:
            self._done[key] = (whole, made)
        return made

    def update(self, call: Call) -> Json:
        """PUT /v2/webhooks/subscriptions/{id}: what is named changes; the signature key stays."""
        target, said = self._target(call), _subscription(call)
        _checked(said)
        target.url = said.get("notification_url") or target.url
        target.events = tuple(said.get("event_types") or target.events)
        if "enabled" in said:
            target.enabled, target.good_at = bool(said["enabled"]), self._webhooks.clock.monotonic()
        for name in ("name", "api_version"):
            target.facts[name] = said.get(name) or target.facts[name]
        target.facts["updated_at"] = self._webhooks.now_text()
        return {"subscription": subscription_json(target)}

    def delete(self, call: Call) -> Json:
        """DELETE /v2/webhooks/subscriptions/{id}."""
        del self._webhooks.targets[self._target(call).id]
        return {}

    def rotate(self, call: Call) -> Json:
        """POST …/signature-key: a new key, at once."""
        target = self._target(call)
        target.secret = self._webhooks.new_key()
        target.facts["updated_at"] = self._webhooks.now_text()
        return {"signature_key": target.secret}

    async def test(self, call: Call) -> Json:
        """POST …/test: one event now; answers with the receiver's status."""
        target = self._target(call)
        kind = call.body.get("event_type") or (target.events or tuple(SCOPE_OF))[0]
        if kind not in SCOPE_OF or (target.events and kind not in target.events):
            raise SquareError("INVALID_VALUE", "event_type is not one of the subscription's.", "event_type")
        event_id, body = self._webhooks.example(kind)
        now = self._webhooks.now_text()
        sent = Delivery(0, event_id, kind, target, body, 0.0, {}, first_at=now)
        headers = {"Content-Type": "application/json", **self._webhooks.headers(sent, target.secret, 1)}

        def ask() -> Json:
            with httpx.Client(timeout=self._webhooks.timeout, follow_redirects=False, trust_env=False) as client:
                return self._webhooks.ask(client, target.url, body, headers)

        answer = await asyncio.to_thread(ask)
        result: Json = {"id": event_id, "payload": body.decode(), "created_at": now, "updated_at": now}
        if answer["status"] is not None:
            result["status_code"] = answer["status"]
        return {"subscription_test_result": result}


def _subscription(call: Call) -> Json:
    said = call.body.get("subscription")
    if not isinstance(said, dict):
        raise SquareError("MISSING_REQUIRED_PARAMETER", "subscription is required.", "subscription")
    return said


def _checked(said: Json) -> None:
    unknown = set(array_of(said, "event_types")) - set(SCOPE_OF)
    if unknown:
        raise SquareError("INVALID_VALUE", f"{min(unknown)} is not an event type.", "subscription.event_types")
    if len(str(said.get("name") or "")) > LONGEST_NAME:
        raise SquareError("VALUE_TOO_LONG", f"name is longer than {LONGEST_NAME}.", "subscription.name")
    url = said.get("notification_url")
    if url is not None:
        parts = urlsplit(str(url))
        # The real one takes https only; what runs on this computer has no certificate.
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise SquareError("INVALID_VALUE", "notification_url must use HTTPS.", "subscription.notification_url")
