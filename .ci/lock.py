"""The lock file: every dependency with the hashes of its files, for all platforms, and no address in it.

    lock.py write [--upgrade]   resolve again (asks the package index), keeping present pins that still fit
    lock.py check               without network: was it made from the present dependency lists, does it hold nothing else

How it is installed is in ``install.py``.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
INPUTS = "# inputs sha256:"
HEADER = "# Every dependency of aura_migration, runtime and development, pinned with hashes. Made by `make lock`.\n"


def inputs() -> str:
    """Fingerprint of what the lock is resolved from: the dependency lists and the oldest Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["requires-python"], project["dependencies"], project["optional-dependencies"]]
    return hashlib.sha256(json.dumps(lists, sort_keys=True).encode()).hexdigest()


def write(upgrade: bool) -> None:
    """Resolve the dependency lists and replace the lock file; nothing is left half written."""
    resolved = LOCK.with_suffix(".lock.new")
    if LOCK.exists() and not upgrade:
        resolved.write_text(LOCK.read_text(encoding="utf-8"), encoding="utf-8")
    command = [
        Path(sys.executable).with_name("uv"), "pip", "compile", "pyproject.toml", "--all-extras", "--universal",
        "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
        "--no-strip-extras", "--no-header", "--no-annotate", "--no-config", "--quiet", "--output-file", resolved,
    ]  # fmt: skip
    try:
        subprocess.run(command, cwd=ROOT, check=True)
        resolved.write_text(f"{HEADER}{INPUTS}{inputs()}\n{resolved.read_text(encoding='utf-8')}", encoding="utf-8")
        resolved.replace(LOCK)
    finally:
        resolved.unlink(missing_ok=True)


def problems() -> list[str]:
    """What is wrong with the lock file, in words; nothing when it is fresh."""
    if not LOCK.exists():
        return ["requirements.lock is missing."]
    text = LOCK.read_text(encoding="utf-8")
    found = []
    if f"{INPUTS}{inputs()}\n" not in text:
        found.append("pyproject.toml's dependencies changed since requirements.lock was made.")
    if address := re.search(r"\w+://\S+|^\s*--(?!hash=)\S+", text, re.MULTILINE):
        found.append(f"requirements.lock names an address or an option: {address.group().strip()}")
    entries = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    found += [
        f"requirements.lock does not pin {entry.split()[0]} with a hash."
        for entry in entries
        if not re.match(r"[a-z0-9._-]+(\[[a-z0-9, -]+\])?==", entry.strip()) or "--hash=sha256:" not in entry
    ]
    return found


def main() -> int:
    """Exit code 0, or 1 with what is wrong."""
    match sys.argv[1:]:
        case ["write", *flags]:
            write("--upgrade" in flags)
        case ["check"]:
            pass
        case _:
            print(__doc__)
            return 2
    found = problems()
    for problem in found:
        print(f"{problem} `make lock` mends it.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
