"""The documentation says what is: generated pages are fresh, commands exist, examples work, links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import click
import jsonschema
import pytest

from aura_migration import settings
from aura_migration.canonical.options import options_schema, parse_options
from aura_migration.cli.main import cli
from aura_migration.migration import states
from aura_migration.verify import findings

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\.venv/bin/)?aura-migration [^`]+|make [^`]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def _in_git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\0")[:-1] if done.returncode == 0 else []


@cache
def _files() -> tuple[Path, ...]:
    """Every file of the project; in a checkout what git knows and what it does not ignore."""
    listed = _in_git("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if listed:
        return tuple(path for name in listed if (path := ROOT / name).is_file())
    return tuple(p for p in ROOT.rglob("*") if p.is_file() and not any(part.startswith(".") for part in p.parts))


def _pages() -> list[Path]:
    return [path for path in _files() if path.suffix == ".md"]


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# -- generated pages ------------------------------------------------------------------------------------------------------


def test_what_is_made_from_the_code_is_fresh() -> None:
    stale = [
        _named(path)
        for path, text in _generator().everything().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"stale, `make docs` writes them anew: {', '.join(stale)}"


def test_the_table_of_variables_names_exactly_what_settings_reads() -> None:
    assert set(_generator().ENVIRONMENT) == {*settings.RECOGNISED, "DAGSTER_HOME", "DAGSTER_POSTGRES_URL"}


def test_every_state_is_explained_and_none_that_is_not() -> None:
    reachable = set(states.ALLOWED) | {end for ends in states.ALLOWED.values() for end in ends}
    assert set(_generator().STATE_MEANING) == reachable | states.LIVE | states.ENDED


def test_every_gate_is_explained_and_none_that_is_not() -> None:
    assert set(_generator().GATE_MEANING) == {*findings.CHECKS, findings.EXPORTED}


def test_the_readme_holds_the_table_of_variables() -> None:
    assert "<!-- generated: environment -->" in (ROOT / "README.md").read_text(encoding="utf-8")


# -- commands in texts ----------------------------------------------------------------------------------------------------


def _said_commands() -> Iterator[tuple[str, str]]:
    """``(page, command line)`` of everything a page tells its reader to type."""
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        for language, body in FENCE.findall(text):
            if language in ("bash", "console", "sh"):
                joined = re.sub(r"\\\n\s*", " ", body)
                for line in joined.splitlines():
                    yield _named(page), line.removeprefix("$ ").split("  #")[0].strip()
        for command in INLINE.findall(FENCE.sub("", text)):
            yield _named(page), command


def _parsed(line: str) -> str | None:
    """What is wrong with an ``aura-migration`` command line, or None."""
    said = re.split(r"[|<>&;)\"]", re.sub(r"^.*?aura-migration", "", line))[0]
    words = said.split()
    command: click.Command = cli
    path = ["aura-migration"]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in command.commands:
            return f"{' '.join(path)} has no command {name!r}"
        command = command.commands[name]
        path.append(name)
    known = {"-h", "--help", "--version"} | {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    unknown = [w for w in words if w.startswith("--") and w.rstrip("],.").split("=")[0].strip("[]") not in known]
    return f"{' '.join(path)} has no option {', '.join(unknown)}" if unknown else None


def test_every_command_a_page_shows_exists_with_its_options() -> None:
    wrong = [
        f"{page}: {line}: {problem}"
        for page, line in _said_commands()
        for part in re.split(r"&&|;", line)
        if "aura-migration" in part and (problem := _parsed(part))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_check_of_commands_notices_a_wrong_command_and_a_wrong_option() -> None:
    assert _parsed("aura-migration migrate 1") == "aura-migration has no command 'migrate'"
    assert _parsed(".venv/bin/aura-migration run 1 --force --json") == "aura-migration run has no option --force"
    assert _parsed("aura-migration conflicts decide 1 --strategy merge") is None


def test_every_make_target_a_page_shows_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    shown = {
        (page, word)
        for page, line in _said_commands()
        if line.startswith("make ")
        for word in line.split()[1:2]
        if re.fullmatch(r"[a-z]+", word)
    }
    assert shown, "no page shows a make target"
    assert not {(page, word) for page, word in shown if word not in targets}


def test_every_command_and_group_is_explained() -> None:
    silent = [" ".join(path) for path, command in _generator().walk(cli) if not command.help]
    assert not silent, f"without help: {', '.join(silent)}"


def test_the_journey_in_the_readme_names_every_step() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for step in (
        "connect",
        "preflight",
        "audit",
        "preview",
        "losses",
        "approve",
        "run",
        "verify",
        "status",
        "rollback",
    ):
        assert f"aura-migration {step}" in readme, f"the README does not show `aura-migration {step}`"


# -- examples -------------------------------------------------------------------------------------------------------------


def _option_examples() -> list[Any]:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    return [json.loads(body) for language, body in FENCE.findall(text) if language == "json"]


@pytest.mark.parametrize("example", _option_examples() if (ROOT / "docs" / "options.md").exists() else [])
def test_an_example_of_an_options_file_is_one(example: dict[str, Any]) -> None:
    parse_options(example)
    jsonschema.Draft202012Validator(options_schema()).validate(example)


def test_the_published_schema_refuses_what_the_options_file_refuses() -> None:
    schema = json.loads((ROOT / "docs/generated/options.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert not validator.is_valid({"conflicts": {"strategy": "guess"}})
    assert not validator.is_valid({"exclude": ["stock"]})


def test_the_options_page_names_every_transform_and_strategy() -> None:
    from aura_migration.canonical.options import Strategy
    from aura_migration.canonical.transforms import BUILT_IN

    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert not [name for name in (*BUILT_IN, *get_args(Strategy)) if f"`{name}`" not in text]


def _python_examples() -> list[tuple[str, str]]:
    found = []
    for page in _pages():
        for language, body in re.findall(r"^ *```(\w+)\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S):
            if language == "python" and "import " in body:
                found.append((_named(page), textwrap.dedent(body)))
    return found


@pytest.mark.parametrize(("page", "example"), _python_examples())
def test_what_an_example_in_python_imports_exists(page: str, example: str) -> None:
    imports = [node for node in ast.parse(example).body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), page, "exec"), {})


# -- links and addresses --------------------------------------------------------------------------------------------------


def _slugs(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    broken = []
    for page in _pages():
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if "://" in target or target.startswith("mailto:"):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.exists():
                broken.append(f"{_named(page)}: {target}")
            elif anchor and file.suffix == ".md" and anchor not in _slugs(file):
                broken.append(f"{_named(page)}: {target} (no such heading)")
    assert not broken, "\n".join(broken)


def test_every_decision_is_numbered_and_listed() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in records if f"({path.name})" not in index]
    for path in records:
        text = path.read_text(encoding="utf-8")
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{path.name} has no {heading!r}"


FOREIGN = [
    # Written apart, so that this file does not hold what it looks for.
    re.compile("/" + r"work/\w+"),
    re.compile("/" + r"root/\w+"),
    re.compile("/home/" + r"\w+"),
    re.compile("file:" + r"///(opt|root|home|work)"),
    re.compile(r"\b(files\.)?" + "pythonhosted" + r"\.org\b"),
    re.compile(r"\b" + "pypi" + r"\.(org|python\.org)\b"),
    re.compile(r"\bregistry\." + "npmjs" + r"\.org\b"),
    re.compile("--(extra-)?index" + "-url"),
]


def test_no_file_holds_a_path_of_somebodys_machine_or_a_registrys_address() -> None:
    found = []
    for path in _files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{_named(path)}: {m.group()}" for pattern in FOREIGN if (m := pattern.search(text))]
    assert not found, "\n".join(found)
