"""Files with secrets: read only if nobody else can, written whole with mode 0600, never over another."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from poe.errors import ConfigError


def read_private(path: Path, *, what: str, most: int, fix: str = "") -> bytes:
    """The first `most` + 1 bytes of a file; ConfigError if it is missing, no regular file, or others can read it."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(most + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}", fix=fix, code="POE-CFG-020") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"the {what} {path} is not a regular file", code="POE-CFG-020")
    if status.st_mode & 0o077:
        raise ConfigError(
            f"the {what} {path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
            fix=f"chmod 600 {path}",
            code="POE-CFG-021",
        )
    return content


def write_private(path: Path, content: bytes, *, what: str) -> None:
    """Write a file, mode 0600, whole or not at all; ConfigError when it exists or cannot be written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(temporary, content)
        try:
            os.link(temporary, path)  # unlike rename, never replaces
        finally:
            temporary.unlink()
    except FileExistsError:
        raise ConfigError(f"the {what} {path} exists already", fix="move it away or choose another path") from None
    except OSError as error:
        raise ConfigError(f"cannot write the {what} {path}: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
