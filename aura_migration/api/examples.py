"""Examples of answers for the OpenAPI document, by the name of the route; those of single fields stand at the models.

Shaped as the API answers (a test holds them against it), shortened, of a café that does not exist.
"""

from __future__ import annotations

from typing import Any

LOCATION = "square:LH2NB9Q5KYZ8M"
HASH = "3f9a61d0c2b84e57a1f06d93be7c4528f1e0d7a6934c5b82e06f1a9d7c3b5e48"
AT = "2026-03-02T15:04:05Z"
_STATUS = "/pos/migration/status/7"
_DONE = {"done": True}
_STATE = {"id": 41, "from": "approved", "state": "loading", "by": "anna", "reason": "", "at": AT}
_GATE = {
    "name": "prices_agree_to_the_cent",
    "passed": True,
    "value": "0 cents over 651 prices",
    "remedy": "",
    "measured_at": AT,
}
_COUNTS = {
    "source": 58, "create": 55, "update": 2, "unchanged": 0, "merge": 0, "skip": 0, "conflict": 1, "quarantine": 0,
}  # fmt: skip
_SHEET = {
    "migration_id": 7,
    "restaurant": "Café am Markt",
    "location": "Harbor St",
    "pos": "Square",
    "currency": "USD",
    "words": [["Modifier set", "Modifier group"]],
    "best_sellers": [{"name": "Latte", "category": "Coffee", "price_cents": 450, "sizes": None}],
    "changes": [],
    "totals": {},
    "by_hand": ["A dollar off"],
    "tenders": [],
    "order_types": [],
    "hash": "40d0b60bc984f734",
    "minutes_to_read": 0.8,
    "text": ["What moved where: Café am Markt, Harbor St. From Square to AuraConnect."],
}
_PREFLIGHT = {
    "integration_id": 1,
    "location": LOCATION,
    "permissions": [
        {"entity": "orders", "permission": "ORDERS_READ", "granted": True, "evidence": "stated by the token"}
    ],
    "stability": {"calls": 9, "errors": 0, "latency_median_s": 0.12},
    "reverse_level": {"level": "B", "evidence": "ORDERS_WRITE is not granted"},
    "passed": True,
}
_AUDIT = {
    "integration_id": 1,
    "location": LOCATION,
    "lines": [{"area": "menu", "label": "items", "value": "58 items", "question": ""}],
    "questions": ["Which delivery services send orders to this POS?"],
}
_CONNECTED = {
    "integration_id": 1,
    "restaurant_id": 1,
    "pos": "square",
    "merchant": "Café am Markt",
    "locations": [{"location": LOCATION, "name": "Harbor St"}],
}
_TARGET = {
    "integration_id": 1,
    "pos": "square",
    "url": "https://migration.example.com/pos/webhooks/square/1",
    "shared_url": "https://migration.example.com/pos/webhooks/square",
    "has_key": True,
}

_WINDOW = {
    "migration_id": 7,
    "location": LOCATION,
    "phase": "parallel",
    "opened_at": AT,
    "first_day": "2026-03-02",
    "last_day": "2026-03-31",
    "planned_days": 30,
    "is_pilot": False,
    "policy": {"gates": {"cleanDays": 7}},
    "contact": {"name": "Ada Lind"},
    "opened_by": "anna",
    "ended_at": None,
    "ending": None,
    "ending_reason": "",
}
_DAY = {
    "business_date": "2026-03-02",
    "verdict": "clean",
    "is_final": False,
    "orders_pos": 212,
    "orders_aura": 212,
    "orders_priced": 209,
    "gross_cents": 512_340,
    "explained_cents": 1_240,
    "unexplained_cents": 0,
    "causes": [{"cause": "tip_treatment", "orders": 3, "cents": -1_240, "is_explained": True}],
}
_SWITCH_GATE = {
    "name": "clean_days",
    "verdict": "passed",
    "holds": True,
    "value": "9 of 7 clean business days in a row",
    "age_minutes": 12,
    "owner": "migration specialist",
    "remedy": "",
}
_FEATURES: dict[str, Any] = {
    "migration_id": 1,
    "features": [{"feature": "full_menu", "enabled": False, "with": None}],
    "limited_to": ["Coffee"],
}
ANSWERS: dict[str, Any] = {
    "me": {
        "name": "anna",
        "roles": ["approver"],
        "permissions": ["approve", "look_up", "operate", "read_bodies", "see"],
        "restaurants": [1],
    },
    "status": {
        "migration_id": 7,
        "location": LOCATION,
        "state": "loading",
        "plan_hash": HASH,
        "entities": {"items": _COUNTS},
        "stands_on": [],
        "blockers": [],
        "people": {
            "policy": "none",
            "marketing_opt_in": 112,
            "left_out": {"without_consent": 0, "refused": 2},
            "merged_profiles": 3,
            "near_ties": 2,
            "roles_to_review": 1,
        },
        "days": {"timezone": "America/Chicago", "basis": "closed", "closeout": "04:00", "refunds": "refund_day"},
        "inferred": [],
        "approval": {"people": 1, "signatures": [{"by": "anna", "reason": "as agreed", "at": AT}]},
        "reason": "",
        "request": {
            "id": 13,
            "kind": "run",
            "state": "claimed",
            "by": "olga",
            "at": AT,
            "dagster_run_id": "da077996-31af-4bb2-945d-4a396549239f",
            "problem": None,
            "dagster_url": "https://dagster.example.com/runs/da077996-31af-4bb2-945d-4a396549239f",
        },
        "integration_id": 1,
        "integration_status": "connected",
        "options": {"approval": {"people": 1}},
        "progress": {
            "type": "migration_progress",
            "data": {
                "sequence": 25,
                "totalItems": 1000,
                "processedItems": 450,
                "currentStep": "Loading items",
                "estimatedTimeRemaining": "5 minutes",
                "errors": [],
                "at": AT,
            },
        },
        "conflicts": 0,
        "quarantined": 0,
        "delta_plan": None,
        "gates": [_GATE],
        "history": [{name: _STATE[name] for name in ("state", "by", "reason", "at")}],
        "next": "wait; `pause 7` stops it after its batch",
    },
    "pause": {"migration_id": 7, "state": "pausing"},
    "cancel": {"migration_id": 7, "state": "cancelled"},
    "rollback": {"migration_id": 7, "request_id": 14, "asked_for": "rollback", "status": _STATUS},
    "list conflicts": {
        "items": [
            {
                "entity": "items",
                "key": "Z6WSBOQJ5F4CNYYHKQHH5M3N",
                "label": "Latte",
                "reason": "AuraConnect has an item of that name with other values",
                "pos": {"name": "Latte", "price_cents": 450},
                "auraconnect": {"name": "Latte", "price_cents": 425},
                "touches": [],
                "candidates": [17],
            }
        ],
        "next_after": None,
    },
    "list quarantine": {
        "items": [
            {
                "entity": "items",
                "key": "6F2K",
                "reasons": ["price_cents: is below 0"],
                "values": {"name": "Refund", "price_cents": -100},
                "record": "catalog 3:12",
                "state": "open",
                "correction": None,
            }
        ],
        "next_after": None,
    },
    "planned changes": {
        "items": [
            {
                "seq": 12,
                "entity": "items",
                "key": "Z6WSBOQJ5F4CNYYHKQHH5M3N",
                "label": "Latte",
                "action": "update",
                "strategy": "overwrite",
                "reason": "",
                "before": {"name": "Latte", "price_cents": 425},
                "after": {"name": "Latte", "price_cents": 450},
                "kept": None,
                "touches": None,
                "aura_table": "menu_items",
                "aura_id": 17,
                "changed": ["price_cents"],
            }
        ],
        "next_after": 12,
    },
    "findings": {
        "items": [
            {
                "id": 3,
                "check": "prices_agree_to_the_cent",
                "entity": "variations",
                "key": "RW5OPWXZ",
                "expected": 450,
                "actual": 425,
                "difference_cents": -25,
                "cause": "kept by decision of olga",
                "is_blocking": False,
                "found_at": AT,
            }
        ],
        "next_after": None,
    },
    "gates": {"items": [{**_GATE, "evidence": {"prices": 651, "unexplained": 0}}]},
    "history": {"items": [_STATE], "next_after": 41},
    "losses": {
        "migration_id": 7,
        "location": LOCATION,
        "losses": [
            {
                "source_entity": "ITEM",
                "field": "item_data.tax_ids",
                "records": 2,
                "examples": ["JG5AXGCG3VDHM6EZP3FZ53DT"],
                "note": "has no place in AuraConnect; its values stay in the snapshot.",
            }
        ],
    },
    "scorecard": {
        "migration_id": 7,
        "location": LOCATION,
        "pos": "square",
        "entities": {
            "items": {"source": 58, "loaded": 58, "merged": 0, "unchanged": 0, "skipped": 0, "quarantined": 0}
        },
        "metrics": {"menu_items_migrated_pct": 100.0, "price_max_abs_diff_cents": 0},
        "gates": [{name: _GATE[name] for name in ("name", "value", "passed", "remedy")}],
        "passed": True,
        "currency": "USD",
        "accepted": [],
        "explained": [],
        "own_items": 0,
        "accepted_total": 0,
        "explained_total": 0,
        "unexplained_total": 0,
    },
    "order replays": {
        "items": [
            {
                "id": 1,
                "span": "the last 2,000 orders",
                "is_default": True,
                "passed": False,
                "figures": {"orders": 2000, "different_cents": 300},
                "inferred": None,
                "measured_at": AT,
                "clusters": [
                    {
                        "place": 1,
                        "cause": "price",
                        "title": "Latte is 25 cents dearer",
                        "orders": 12,
                        "cents": 300,
                        "net_cents": 300,
                        "first_day": "2026-02-01",
                        "last_day": "2026-02-28",
                        "examples": [],
                        "remedy": "Correct the price of the item, then verify again.",
                    }
                ],
            }
        ]
    },
    "daily sales": {
        "metrics": ["net", "tax"],
        "days": [
            {
                "day": "2026-02-28",
                "metric": "net",
                "name": "",
                "pos": 184250,
                "auraconnect": 184250,
                "report": 184250,
                "explained": 0,
                "causes": [],
            }
        ],
    },
    "snapshots": {
        "items": [
            {
                "id": 5,
                "scope": "location",
                "state": "complete",
                "manifest_hash": HASH,
                "taken_at": AT,
                "ended_at": AT,
                "is_current": True,
                "certificates": [{"entity": "catalog", "status": "complete", "rows": 412, "pages": 5, "reason": ""}],
            }
        ]
    },
    "report files": {
        "items": [{"kind": "scorecard", "file": "scorecard.csv", "bytes": 1180, "written_at": AT}],
    },
    "write report": {"items": [{"kind": "scorecard", "rows": 28, "file": "scorecard.csv"}]},
    "audit trail": {
        "items": [
            {
                "id": 10,
                "at": AT,
                "actor": "anna",
                "roles": ["approver"],
                "door": "console",
                "action": "approve",
                "outcome": "done",
                "restaurant_id": 1,
                "integration_id": 1,
                "migration_id": 7,
                "detail": {"plan_hash": HASH, "status": 200},
            }
        ],
        "next_after": 10,
    },
    "training sheet": _SHEET,
    "start training": {
        "training_id": 1,
        "sheet": _SHEET,
        "tasks": [{"question": "Where is Latte?", "choices": ["Tea", "Coffee"]}],
    },
    "finish training": {
        "training_id": 1,
        "passed": False,
        "seconds": 95,
        "wrong": [{"task": 2, "question": "What does Latte cost?", "right": "4.50 USD"}],
        "retraining_minutes_median": None,
    },
    "trainings": {
        "trainings": [
            {
                "training_id": 1,
                "trainee": "M. K.",
                "sheet_hash": "40d0b60bc984f734",
                "started_at": AT,
                "seconds": 95,
                "passed": True,
            }
        ],
        "retraining_minutes_median": 1.6,
    },
    "connect": _CONNECTED,
    "finish sign-in": _CONNECTED,
    "disconnect": {"integration_id": 1, "status": "disconnected", "is_revoked": True, "left_to_do": ""},
    "test connection": {
        "is_working": True,
        "problem": "",
        "remedy": "",
        "seconds": 0.4,
        "locations": [LOCATION],
    },
    "preflight": {"reports": [{"location": LOCATION, "at": AT, "report": _PREFLIGHT}]},
    "run preflight": {"reports": [{"location": LOCATION, "at": AT, "report": _PREFLIGHT}]},
    "audit": {"reports": [{"location": LOCATION, "at": AT, "report": _AUDIT}]},
    "run audit": {"reports": [{"location": LOCATION, "at": AT, "report": _AUDIT}]},
    "webhook": {"received": True},
    "webhook of an account": {"received": True},
    "set webhook key": _TARGET,
    "remove webhook key": _TARGET,
    "remove notification target": _DONE,
    "test notification target": _DONE,
    "window": {
        "now": AT,
        "window": _WINDOW,
        "state": "parallel",
        "next_channel": "online",
        "channels": [{"channel": "online", "book": "pos", "accepts": False}],
        "days": [_DAY],
        "missing": [],
        "gates": [_SWITCH_GATE],
    },
    "features": _FEATURES,
    "set feature": _FEATURES,
    "files of the way back": {
        "items": [
            {
                "name": "order-00000001-00000012.csv",
                "kind": "entries",
                "how": "Orders taken in AuraConnect: enter those the POS must know.",
                "bytes": 8123,
                "written_at": AT,
            }
        ]
    },
    "window day": {**_DAY, "figures": {"gross": {"pos": 512_340, "aura": 512_340, "difference": 0}}, "findings": []},
    "switch gates": {"migration_id": 7, "channel": "online", "holds": True, "gates": [_SWITCH_GATE], "signatures": []},
    "scheduled orders": {"items": [{"order_id": 812, "scheduled_for": AT, "paid_cents": 5_000, "decision": None}]},
    "open window": _WINDOW,
    "extend window": {**_WINDOW, "planned_days": 40, "last_day": "2026-04-10"},
    "window policy": _WINDOW,
    "window contact": _WINDOW,
    "end window": {**_WINDOW, "phase": "cancelled", "ended_at": AT, "ending": "cancelled"},
    "sign switch": {
        "migration_id": 7,
        "channel": "online",
        "direction": "forward",
        "gates_hash": HASH,
        "signatures": [{"by": "anna", "reason": "", "gates_hash": HASH, "at": AT}],
    },
    "waive": {"id": 3, "gate": "coverage", "reason": "no catering in winter", "amount_cents": 10_000, "expires_at": AT},
    "known difference": {"migration_id": 7, "id": 2},
    "end known difference": {"migration_id": 7, "id": 2},
    "decide scheduled order": {"migration_id": 7, "order_id": 812, "decision": "stays"},
    "notifications": {
        "items": [
            {
                "id": 4,
                "target_id": 1,
                "target": "operations",
                "event": "approval_waits",
                "migration_id": 7,
                "title": "A plan waits for approval",
                "body": "Migration 7 of square:LH2NB9Q5KYZ8M waits for a signature.",
                "state": "sent",
                "attempts": 1,
                "problem": "",
                "due_at": AT,
                "sent_at": AT,
                "created_at": AT,
            }
        ],
        "next_after": None,
    },
}


def add(operation: dict[str, Any], name: str) -> None:
    """Put the example of a route's answer, where there is one, into its part of the OpenAPI document."""
    if name not in ANSWERS:
        return
    for status, response in operation["responses"].items():
        if status.startswith("2") and "application/json" in response.get("content", {}):
            response["content"]["application/json"]["example"] = ANSWERS[name]
