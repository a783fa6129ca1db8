"""`poe debug`: what a maintainer needs to help, without what nobody else may have."""

from __future__ import annotations

import io
import json
import os
import platform
import stat
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

if TYPE_CHECKING:
    from poe.config import Settings

app = App(name="debug", help="Help others to help.")

MOST_FILE_BYTES = 8 * 2**20
MOST_LOG_BYTES = 512 * 2**10
MOST_FILES = 1_000


@app.command
def bundle(
    *, data_dir: Path = Path("poe-data"), out: Path, config: Path | None = None, log: Path | None = None
) -> None:
    """Write a tar.gz (mode 0600) of a node's status, endpoints, settings, versions, journal counts and last log lines.

    Keys, passwords, credentials in URLs and what looks like one are left out; look through it before you send it.

    Parameters
    ----------
    data_dir
        The node's data folder.
    out
        File to write, such as bundle.tar.gz; an existing one is kept.
    config
        The node's settings file.
    log
        Its log, if it goes to a file outside the data folder.
    """
    from poe.errors import InputError
    from poe.l1.secret_file import write_private

    if out.exists():
        raise InputError(f"{out} exists already", fix="name another file", code="POE-INP-046")
    if not data_dir.is_dir():
        raise InputError(f"{data_dir} is no data folder", fix="name it with --data-dir", code="POE-INP-043")
    files = collect(data_dir, config, log)
    write_private(out, _tar_gz(files), what="bundle")
    print(f"{out}: {', '.join(sorted(files))}")


def collect(data_dir: Path, config: Path | None, log: Path | None) -> dict[str, str]:
    """The bundle's files by name, each redacted."""
    from poe.cli.redact import redact
    from poe.status import ENDPOINTS_FILE, STATUS_FILE

    settings, told = _settings(config, data_dir)
    logs = [*sorted(data_dir.glob("*.log")), data_dir / "log", *([log] if log else [])]
    files = {"versions.json": _json(_versions()), "settings.toml": told, "files.json": _json(_listing(data_dir))}
    files |= {"journal.json": _json(_journal(data_dir))}
    files |= {name: _end_of(data_dir / name, MOST_FILE_BYTES) for name in (STATUS_FILE, ENDPOINTS_FILE)}
    files |= {f"logs/{path.name}": _end_of(path, MOST_LOG_BYTES) for path in logs}
    secrets = _secrets(settings, data_dir)
    return {name: redact(text, secrets) for name, text in files.items() if text}


def _settings(config: Path | None, data_dir: Path) -> tuple[Settings | None, str]:
    """The settings in force, and as text; an external program's arguments may hold anything, so they stay here."""
    import msgspec

    from poe.config import dump_settings, load_settings
    from poe.errors import PoeError

    try:
        settings = load_settings(config, environment=os.environ, flags={"data_dir": str(data_dir)})
    except PoeError as error:
        return None, f"# {error}\n"
    program = settings.prover.external_command[:1]
    shown = msgspec.structs.replace(settings, prover=msgspec.structs.replace(settings.prover, external_command=program))
    return settings, dump_settings(shown)


def _secrets(settings: Settings | None, data_dir: Path) -> set[str]:
    """What must not appear whatever it looks like: the contents of the files that hold secrets."""
    named = [data_dir / "key", data_dir / "identity"]
    if settings is not None:
        named += [Path(name) for name in (settings.l1.key_file, settings.l1.password_file) if name]
    found = set()
    for path in named:
        text = _end_of(path, MOST_LOG_BYTES).strip()
        if not text.startswith("{"):  # a keystore gives nothing away, and its words are everywhere
            found |= {text, *text.splitlines(), text.removeprefix("0x")} - {""}
    return found


def _versions() -> dict[str, Any]:
    from importlib.metadata import distributions

    import poe
    from poe.backend.measure import machine_facts

    return {
        "poe": poe.__version__,
        "python": sys.version,
        "platform": platform.platform(),
        "machine": machine_facts(),
        "variables_set": sorted(name for name in os.environ if name.startswith("POE_")),
        "packages": dict(sorted((one.metadata["Name"], one.version) for one in distributions())),
    }


def _listing(data_dir: Path) -> list[dict[str, Any]]:
    """Names, sizes and modes of the data folder's files; no contents."""
    rows = []
    for path in sorted(data_dir.rglob("*"))[:MOST_FILES]:
        status = path.lstat()
        row = {"name": str(path.relative_to(data_dir)), "bytes": status.st_size, "mode": stat.filemode(status.st_mode)}
        rows.append(row | {"changed": int(status.st_mtime)})
    return rows


def _journal(data_dir: Path) -> dict[str, Any]:
    from poe.errors import PoeError
    from poe.journal import count_records

    try:
        return {"records": count_records(data_dir)}
    except PoeError as error:
        return {"error": str(error)}


def _end_of(path: Path, most: int) -> str:
    """The last lines of a regular file, in at most so many bytes; empty if there is none."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            content = file.read(most)
    except OSError as error:
        return f"cannot be read: {error.strerror}\n"
    text = content.decode("utf-8", "replace")
    return text if size <= most else text.partition("\n")[2]


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _tar_gz(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"poe-bundle/{name}")
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
