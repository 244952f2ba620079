"""Writes what of the documentation comes from the code: ``docs/generated/`` and the marked tables of other pages.

    python docs/generate.py            write
    python docs/generate.py --check    exit 1 naming every page that is stale, change nothing

A page whose text is written by people does not belong here; it links to these or holds a block between
``<!-- generated: name -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import dagster as dg

from aura_migration import settings
from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.canonical.model import Entity, Field
from aura_migration.canonical.options import options_schema
from aura_migration.canonical.transforms import BUILT_IN
from aura_migration.canonical.window import WindowPolicy
from aura_migration.cli.main import cli
from aura_migration.definitions import defs
from aura_migration.migration import states
from aura_migration.orchestration.specs import HISTORY
from aura_migration.pos import registry
from aura_migration.pos.port import Connector
from aura_migration.verify.findings import CHECKS, EXPORTED
from aura_migration.verify.orders import REMEDIES as ORDERS_REMEDIES
from aura_migration.verify.people import REMEDIES as PEOPLE_REMEDIES
from aura_migration.verify.replay.verdict import REMEDIES as REPLAY_REMEDIES
from aura_migration.verify.verdict import REMEDIES

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ROOT / "docs" / "generated"
BLOCK = re.compile(r"(<!-- generated: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOTE = "<!-- Made by `make docs` from the code; do not edit. -->\n"

ENVIRONMENT = {
    "AURA_DATABASE_URL": (
        "embedded server",
        "`postgresql://…` of an existing database (PostgreSQL 16 or newer). It then holds AuraConnect's tables, the "
        "migration's own and Dagster's storage, and only `aura-migration db upgrade` changes its schema.",
    ),
    "AURA_DATA_DIR": (
        "`.aura` in the project",
        "Folder of the embedded server, the snapshots, the key file and Dagster's home.",
    ),
    "AURA_SNAPSHOT_URL": (
        "`snapshots` in `AURA_DATA_DIR`",
        "Folder or fsspec URL (`s3://bucket/path`) below which snapshots are stored. A store needs the fsspec package of its kind.",
    ),
    "AURA_SECRET_KEYS": (
        "the key file",
        "Fernet keys, comma-separated: the first seals, all of them open.",
    ),
    "AURA_KEY_FILE": (
        "`keys/secret.keys` in `AURA_DATA_DIR`",
        "File of Fernet keys, one a line, mode 600; used when `AURA_SECRET_KEYS` is not set.",
    ),
    "AURA_NOW": (
        "the real time",
        "Fixes business time, for example `2026-03-01T12:00:00Z`. Tokens, locks and limits keep real time.",
    ),
    "AURA_WEBSERVER_PORT": (str(settings.DEFAULT_WEBSERVER_PORT), "Port of Dagster's web pages on 127.0.0.1."),
    "AURA_GRPC_PORT": (str(settings.DEFAULT_GRPC_PORT), "Port of Dagster's code server on 127.0.0.1."),
    "AURA_API_PORT": (str(settings.DEFAULT_API_PORT), "Port of API and console."),
    "AURA_API_HOST": (
        settings.DEFAULT_API_HOST,
        "Address API and console listen on. Another than this machine's own needs one of the three keys for tokens.",
    ),
    "AURA_PUBLIC_URL": (
        "`http://127.0.0.1:8400`",
        "Where browsers and POS reach API and console; sign-in pages return there, sockets of other origins are refused.",
    ),
    "AURA_DAGSTER_URL": ("`http://127.0.0.1:3000`", "Where people reach Dagster's pages, for links."),
    "AURA_JWT_SECRET": (
        "none: local mode",
        "Secret of at least 32 bytes by which bearer tokens are verified (HS256). In the local mode the console signs in by itself.",
    ),
    "AURA_JWT_PUBLIC_KEY": (
        "none",
        "Instead: PEM, or a file of it, of the key that signs tokens (RS256, ES256, EdDSA).",
    ),
    "AURA_JWT_JWKS_URL": ("none", "Instead: where the issuer publishes its keys."),
    "AURA_JWT_ISSUER": ("any", "The `iss` tokens must have."),
    "AURA_JWT_AUDIENCE": (settings.DEFAULT_AUDIENCE, "The `aud` tokens must have."),
    "DAGSTER_HOME": (
        "`dagster` in `AURA_DATA_DIR`",
        "Dagster's home; the project's `dagster.yaml` is put there unless it has one of its own.",
    ),
    "DAGSTER_POSTGRES_URL": ("the same database", "`postgresql://…` of another database for Dagster's storage."),
}
"""``{variable: (default, meaning)}`` in the order people need them; it must name exactly what settings reads."""

STATE_MEANING = {
    "draft": ("opened, nothing read yet", "preview"),
    "extracted": ("the snapshot is stored and certified", "preview again (it continues behind the snapshot)"),
    "planned": ("a plan is stored", "decide conflicts, then approve its hash"),
    "approved": ("somebody signed the plan's hash", "run"),
    "loading": ("the plan is being carried out", "wait; pause stops it after its batch"),
    "loaded": ("everything is written, not (or not successfully) verified", "verify"),
    "verified": ("the independent reading agrees", "roll back if you must"),
    "empty": ("the POS has nothing on its menu and knows nobody", "preview again when it has"),
    "paused": ("stopped between two batches on request", "resume, or roll back"),
    "failed": (
        "stopped by an error or the death of its worker; no batch is half written",
        "preview again if nothing was loaded yet; else resume, or roll back",
    ),
    "reconnect_needed": (
        "the POS no longer accepts the credentials",
        "connect the account again; the migration goes on where it was",
    ),
    "rolling_back": ("writes are being taken back", "roll back again if it was interrupted"),
    "rolled_back": ("taken back; the location is free for a new migration", "nothing: it has ended"),
    "cancelled": ("ended before it wrote anything", "nothing: it has ended"),
    "parallel": ("both systems run side by side", "belongs to the cutover, not in this release"),
    "ready": ("all gates of the switch pass", "belongs to the cutover, not in this release"),
    "switching": ("channels are being switched", "belongs to the cutover, not in this release"),
    "live": ("AuraConnect is the book of record", "belongs to the cutover, not in this release"),
    "completed": ("the old POS is no longer needed", "nothing: it has ended"),
}
"""``{state: (meaning, what a person does next)}``; it must name exactly the states of the state table."""

GATE_MEANING = {
    "completeness": "Every source entity that is required (and not excluded by name) has a certificate of completeness.",
    "every_item_is_accounted_for": "The plan knows every item that the witness finds in the snapshot, by the greater of "
    "two counts, and no other.",
    "every_item_is_migrated": "Every item in the approved scope is sold at the location in AuraConnect. Quarantined and "
    "undecided items and unsigned gaps fail it.",
    "records_are_as_in_the_pos": "Names, states, SKUs and the other values the witness reads, menus, categories, "
    "variations and pre-modifiers agree, or differ by a signed decision.",
    "prices_agree_to_the_cent": "Every price of item and option, by location, menu, time window, size, sequence and "
    "pre-modifier, is the same in minor units.",
    "rules_match": "Every rule of business that the POS states (charges, discounts, order types, tenders, tips, hours, settings) "
    "stands in AuraConnect with the same values.",
    "active_modifiers_are_functional": "Every active way from an item to an option can be chosen in AuraConnect with the "
    "same limits, default, state and prices.",
    "counts_agree_with_auraconnect": "Every record that the plan calls loaded, unchanged or merged stands in AuraConnect, "
    "with its crosswalk row and this migration's claim.",
    "nothing_is_in_quarantine": "No record of the plan is in quarantine.",
    "no_conflict_is_undecided": "No conflict of the plan waits for a decision.",
    "customers_accounted": "Every profile that the witness finds is loaded, merged, skipped by a signed reason or in "
    "quarantine, with the names and contacts the POS shows.",
    "consent_respected": "Nobody is opted in without a grant by the POS or by a handed file; people who are one carry "
    "their most restrictive answer; whom the policy leaves out or who was erased has no personal data.",
    "loyalty_conserved": "Per account opening + activity = closing on both sides, and both sides are equal, or differ by "
    "exactly the signed conversion.",
    "gift_cards_conserved": "Per card opening + activity = closing on both sides, and both sides are equal to the cent.",
    "house_accounts_conserved": "The same for house accounts and store credit of the restaurant's own exports.",
    "staff_accounted": "Every person, job, wage and timecard with its effective times, unpaid breaks and tips.",
    "orders_complete": "Every order, payment, refund, payout and cash movement that the witness finds stands in AuraConnect, "
    "no other does, every line is there, and every reference leads to a row. Quarantine counts where the witness, too, finds "
    "the record unsound.",
    "daily_sales_match": "0 cents unexplained per order and business date: gross, discounts, charges, tips, refunds, counts. "
    "What does not add up in the POS's own figures is loaded as sent, flagged and listed.",
    "tax_match": "The same for tax: in total, inside the prices, and by rate.",
    "payments_reconciled": "Payments are as in the POS, and cover their orders; fees are those of their payments; deposits "
    "name payments of that amount. A level without data is not provable.",
    "pos_report_agreed": "The POS's own daily report, imported by `report-import`, agrees with the figures derived here over 7 "
    "days or more with a weekend and a refund, to the cent or by named causes. Without it they are derived, not confirmed.",
    "orders_replay_identically": "The past orders of the span, rung up again on the migrated menu and rules, come to what was "
    "charged, are explained with a proof, or cannot be compared for a stated reason ([replay](../replay.md)).",
    "full_export_before_load": "The source was exported in full, with certificates, directly before the first write.",
}
"""``{gate: meaning}``; it must name exactly the gates that verification stores."""


def cell(text: object) -> str:
    """A text fit for a cell of a table."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").strip()


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A markdown table."""
    headings = list(headings)
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


# -- the pages ------------------------------------------------------------------------------------------------------------


def environment() -> str:
    """The table of environment variables."""
    return table(
        ["variable", "default", "meaning"],
        [[f"`{name}`", default, meaning] for name, (default, meaning) in ENVIRONMENT.items()],
    )


def entities() -> str:
    """Every canonical entity with its columns, in load order."""
    overview = table(
        ["entity", "AuraConnect table", "rows belong to", "counted", "what it is"],
        [
            [f"[`{e.name}`](#{e.name})", f"`aura.{e.table}`", _owner(e), "yes" if e.counted else "", e.doc]
            for e in ALL_ENTITIES
        ],
    )
    sections = []
    for entity in ALL_ENTITIES:
        sections.append(f"## {entity.name}\n\n{entity.doc} Loaded into `aura.{entity.table}`; {_belongs(entity)}.\n")
        sections.append(
            table(
                ["field", "column", "kind", "required", "varies by location", "notes"],
                [
                    [f"`{f.name}`", f"`{f.target}`", _kind(f), "yes" if f.required else "", _local(f), _notes(f)]
                    for f in entity.fields
                ],
            )
        )
    return (
        f"# Entities\n\n{NOTE}\nIn the order in which they are planned and loaded, parents first. A *field* is canonical; "
        "the *column* is AuraConnect's, where `…_key` (a source key) has become `…_id`. Every row also carries "
        "`restaurant_id`, `source_vendor`, `source_id`, `migration_run_id`, `source_hash`, `created_at`, `updated_at` and `deleted_at`, and "
        f"every row but a location's own its `location_id`.\n\n{overview}\n" + "\n".join(sections)
    )


def _owner(entity: Entity) -> str:
    return "the restaurant" if entity.scope == "shared" else "the location"


def _belongs(entity: Entity) -> str:
    text = f"its rows belong to {_owner(entity)}"
    if entity.refines:
        text += f" and refine those of `{entity.refines}`, unit by unit"
    if entity.match_on:
        text += f"; proposed as the same as an AuraConnect record by {', '.join(f'`{n}`' for n in entity.match_on)}"
    return text


def _kind(field: Field) -> str:
    return f"key of [`{field.ref}`](#{field.ref})" if field.ref else field.kind


def _local(field: Field) -> str:
    return "yes" if field.local else ""


def _notes(field: Field) -> str:
    notes = [field.doc] if field.doc else []
    if field.choices:
        notes.append(" / ".join(field.choices))
    if field.minimum is not None:
        notes.append(f"at least {field.minimum}")
    if field.max_length is not None:
        notes.append(f"at most {field.max_length} characters")
    return "; ".join(notes)


def state_table() -> str:
    """What each state means and what to do in it."""
    return table(["state", "meaning", "what to do"], [[f"`{name}`", *texts] for name, texts in STATE_MEANING.items()])


def state_page() -> str:
    """The states and the ways between them."""
    arrows = [
        f"    {start} --> {end}" for start, ends in states.ALLOWED.items() for end in sorted(ends) if end != start
    ]
    ways = table(
        ["from", "to"],
        [[f"`{start}`", ", ".join(f"`{e}`" for e in sorted(ends))] for start, ends in states.ALLOWED.items()],
    )
    return (
        f"# States of a migration\n\n{NOTE}\n{state_table()}\n## Ways between them\n\n"
        "Every step is a row of `migration.transitions` with who and why. A state that leads to itself is a repetition "
        f"(a second preview, a second verification).\n\n{ways}\n```mermaid\nstateDiagram-v2\n    [*] --> draft\n"
        + "\n".join(arrows)
        + "\n```\n"
    )


def gates() -> str:
    """The gates a verification stores, with what a no asks for."""
    remedies = {**REMEDIES, **PEOPLE_REMEDIES, **ORDERS_REMEDIES, **REPLAY_REMEDIES}
    rows = [[f"`{name}`", GATE_MEANING[name], remedies[name]] for name in (*CHECKS, EXPORTED)]
    return (
        f"# Gates\n\n{NOTE}\nA gate is a row of `migration.gates`: name, yes or no, the number, the remedy, the evidence and "
        "when it was measured. What was measured over nothing (an empty restaurant, an entity left out) is neither yes nor "
        "no. A difference behind a no is a row of `migration.findings`; one that a signed decision explains is listed as "
        f"accepted and does not block.\n\n{table(['gate', 'passes when', 'what to do about a no'], rows)}"
    )


def graph() -> str:
    """Assets, checks, jobs and sensors as Dagster sees them."""
    assets = defs.resolve_asset_graph()
    rows = []
    for key in sorted(assets.get_all_asset_keys(), key=lambda k: (_STAGES.index(k.path[0]), _position(k))):
        node = assets.get(key)
        checks = sorted(c.name for c in assets.get_check_keys_for_assets({key}))
        rows.append([f"`{'/'.join(key.path)}`", node.description, ", ".join(sorted(node.kinds)), ", ".join(checks)])
    jobs = [j for j in defs.resolve_all_job_defs() if not j.name.startswith("__")]
    job_rows = [[f"`{j.name}`", j.description or ""] for j in sorted(jobs, key=lambda j: j.name)]
    sensors = [
        [f"`{s.name}`", f"every {s.minimum_interval_seconds} s", s.description or ""] for s in defs.sensors or ()
    ]
    return (
        f"# The Dagster graph\n\n{NOTE}\nEvery asset is partitioned by `restaurant_locations`; a stage is one group.\n\n"
        f"## Assets and their checks\n\n{table(['asset', 'what it is', 'kinds', 'checks'], rows)}\n"
        f"## Jobs\n\n{table(['job', 'what it does'], job_rows)}\n"
        f"## Sensors\n\n{table(['sensor', 'interval', 'what it does'], sensors)}"
    )


_STAGES = ("pos", "archive", "canonical", "plan", "load", "verify", "reports", "acceptance", "reconcile", "cutover")
_ORDER = {name: number for number, name in enumerate([*(entity.name for entity in ALL_ENTITIES), *HISTORY])}


def _position(key: dg.AssetKey) -> tuple[int, str]:
    is_entity = key.path[0] in ("canonical", "load")
    return _ORDER[key.path[-1]] if is_entity else 0, key.path[-1]


def sources() -> str:
    """What each connector fetches, with the right it needs and what it feeds."""
    parts = [f"# What is fetched from each POS\n\n{NOTE}"]
    for name in registry.BUILT_IN:
        connector = registry.connector(name)
        parts.append(f"\n## {connector.title}\n\n{source_table(connector)}")
    return "".join(parts)


def _sources_of(pos: str) -> str:
    return source_table(registry.connector(pos))


def questions(pos: str) -> str:
    """What the audit asks because the POS's API does not show it."""
    asked = import_module(f"aura_migration.pos.{pos}.audit").QUESTIONS
    return table(["area", "what", "question for the restaurant"], asked)


def source_table(connector: Connector) -> str:
    """The source entities of one connector."""
    return table(
        ["source", "of", "right needed", "required", "feeds"],
        [
            [
                f"`{e.name}`" + (f": {e.doc}" if e.doc else ""),
                e.scope,
                f"`{e.permission}`" if e.permission else "",
                "yes" if e.required else "no",
                ", ".join(f"`{f}`" for f in e.feeds),
            ]
            for e in connector.source_entities
        ],
    )


def commands() -> str:
    """The command reference, from the commands themselves."""
    parts = [f"# Commands\n\n{NOTE}\n{_help(cli)}\n"]
    for path, command in walk(cli):
        arguments = [p for p in command.params if isinstance(p, click.Argument)]
        usage = " ".join([*path, *[p.make_metavar(click.Context(command)) for p in arguments]])
        parts.append(f"## {' '.join(path[1:])}\n\n`{usage}`\n\n{_help(command)}\n")
        options = [p for p in command.params if isinstance(p, click.Option)]
        if options:
            parts.append(table(["option", "meaning"], [_option(command, p) for p in options]))
    return "\n".join(parts)


def walk(
    command: click.Command, path: tuple[str, ...] = ("aura-migration",)
) -> Iterable[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, in the group's order."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            sub = command.commands[name]
            yield (*path, name), sub
            yield from walk(sub, (*path, name))


def _help(command: click.Command) -> str:
    """The help text; a paragraph that click prints as it stands (after a backspace) becomes a listing."""
    out = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        is_listing = paragraph.lstrip().startswith("\x08")
        text = paragraph.replace("\x08\n", "").replace("\x08", "")
        out.append(f"```text\n{text}\n```" if is_listing else text)
    return "\n\n".join(out)


def _option(command: click.Command, option: click.Option) -> list[str]:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if not option.is_flag:
        names += f" {option.make_metavar(click.Context(command))}"
    more = []
    if option.required:
        more.append("required")
    if option.show_default and option.default not in (None, False):
        more.append(f"default {option.default}")
    return [names, (option.help or "") + (f" ({', '.join(more)})" if more else "")]


def transforms() -> str:
    """The transforms a field mapping may name."""
    return table(
        ["transform", "arguments", "gives"],
        [
            [
                f"`{name}`",
                ", ".join(f"`{a}`" for a in (function.__kwdefaults__ or {}) | dict.fromkeys(_keywords(function))),
                (function.__doc__ or "").strip().splitlines()[0],
            ]
            for name, function in BUILT_IN.items()
        ],
    )


def _keywords(function: Any) -> list[str]:
    code = function.__code__
    return list(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "entities.md": entities,
    "gates.md": gates,
    "graph.md": graph,
    "sources.md": sources,
    "states.md": state_page,
    "options.schema.json": lambda: json.dumps(options_schema(), indent=2, ensure_ascii=False) + "\n",
}


def window_policy() -> str:
    """Every field of a window's policy, in the form its JSON has."""
    schema = WindowPolicy.model_json_schema(by_alias=True)
    lines = ["| field | default | meaning |", "| --- | --- | --- |"]
    for part, found in schema["properties"].items():
        if "$ref" not in found and "allOf" not in found:
            lines.append(f"| `{part}` | `{json.dumps(found.get('default'))}` | {found.get('description', '')} |")
            continue
        model = schema["$defs"][(found.get("$ref") or found["allOf"][0]["$ref"]).rpartition("/")[2]]
        for name, field in model["properties"].items():
            meaning = field.get("description") or " or ".join(map(str, field.get("enum", [field.get("const", "")])))
            lines.append(f"| `{part}.{name}` | `{json.dumps(field.get('default'))}` | {meaning} |")
    return "\n".join(lines) + "\n"


BLOCKS: dict[str, Callable[[], str]] = {
    "environment": environment,
    "states": state_table,
    "transforms": transforms,
    "windowpolicy": window_policy,
    **{name: partial(_sources_of, name) for name in registry.BUILT_IN},
    **{f"{name}questions": partial(questions, name) for name in registry.BUILT_IN},
}


def everything() -> Mapping[Path, str]:
    """Every page that comes from the code, whole or in part, as it should be."""
    pages = {GENERATED / name: make() for name, make in PAGES.items()}
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path.parent != GENERATED and path.exists() and BLOCK.search(text := path.read_text(encoding="utf-8")):
            pages[path] = BLOCK.sub(lambda m: m[1] + BLOCKS[m[2]]() + m[3], text)
    return pages


def main() -> int:
    """Write or check."""
    stale = [
        (path, text)
        for path, text in everything().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    orphans = sorted(set(GENERATED.iterdir()) - set(everything_paths())) if GENERATED.exists() else []
    if "--check" in sys.argv[1:]:
        for path in [*(p for p, _ in stale), *orphans]:
            print(f"{path.relative_to(ROOT)} is stale; `make docs` writes it anew.", file=sys.stderr)
        return 1 if stale or orphans else 0
    GENERATED.mkdir(exist_ok=True)
    for path, text in stale:
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for path in orphans:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    return 0


def everything_paths() -> list[Path]:
    """The files of ``docs/generated``."""
    return [GENERATED / name for name in PAGES]


if __name__ == "__main__":
    sys.exit(main())
