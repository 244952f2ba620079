"""Makes ``.venv`` from the lock file with plain pip, or does nothing when it already is what the lock file says.

Standard library only, and Python 3.11: it runs before anything is installed. Two at once wait for each other; one that was interrupted
leaves no stamp, so the next one finishes the work. What is installed is said by ``requirements.lock`` alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
COMMAND = VENV / "bin" / "aura-migration"
STAMP = VENV / "installed"


def wanted() -> str:
    """Fingerprint of what ``.venv`` has to hold: lock file, project file, this interpreter, this place."""
    digest = hashlib.sha256(f"{sys.version} {sys.platform} {VENV}".encode())
    for name in ("requirements.lock", "pyproject.toml", ".ci/install.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_current(fingerprint: str) -> bool:
    """Whether the stamp says so and the programs are still there and start."""
    try:
        return STAMP.read_text() == fingerprint and os.access(PYTHON, os.X_OK) and os.access(COMMAND, os.X_OK)
    except OSError:
        return False


def make_venv() -> None:
    """A virtual environment of this interpreter; one of another version or place is begun anew."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    probe = "import sys; print(f'{sys.version_info.major}.{sys.version_info.minor} {sys.prefix}')"
    if PYTHON.exists():
        found = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=False)
        if found.stdout.strip() == f"{version} {VENV}":
            return
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)


def pip(*arguments: str | Path) -> None:
    """Run the environment's own pip, quietly and without asking."""
    subprocess.run(
        [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq", "install", *arguments],
        cwd=ROOT,
        check=True,
    )


def entry_of(name: str) -> str:
    """The lines of one distribution in the lock file."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = re.search(rf"^{name}==(?:.*\\\n)*.*\n", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"requirements.lock does not pin {name}; `make lock` in a working checkout mends it.")
    return found.group()


def install_everything() -> None:
    """The pinned pip, then all that is pinned, then this project; byte code is compiled on all cores."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as first:
        first.write(entry_of("pip"))
        first.flush()
        pip("--require-hashes", "--requirement", first.name)
    pip("--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes", "--requirement", "requirements.lock")
    pip("--no-deps", "--no-build-isolation", "--editable", ".")
    # A few distributions ship templates that are no Python; what does not compile is no error.
    subprocess.run([PYTHON, "-m", "compileall", "-qq", "-j", "0", VENV / "lib"], check=False)


def main() -> int:
    """Exit code 0 when ``.venv`` is complete, 1 with the remedy when it cannot be made."""
    fingerprint = wanted()
    if is_current(fingerprint):
        return 0
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(fingerprint):
            return 0
        print(f"Installing into {VENV} (Python {sys.version.split()[0]}) …", flush=True)
        try:
            make_venv()
            STAMP.unlink(missing_ok=True)
            install_everything()
        except subprocess.CalledProcessError as error:
            print(
                "The installation did not finish. On Debian and Ubuntu the package python3-venv is needed; a package "
                "index must be reachable; `make install` again continues. Removing .venv begins anew.\n"
                f"Failed: {' '.join(map(str, error.cmd))}",
                file=sys.stderr,
            )
            return 1
        STAMP.write_text(fingerprint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
