"""A data folder belongs to one process at a time, whatever that process is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poe.errors import ToolError

_ANOTHER = "choose another with --data-dir"


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Make the folder if need be and keep every other process out of it; the kernel lets go even after a kill -9.

    ToolError when it cannot be made or written to, or is taken.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ToolError(
            f"{folder} cannot be a data folder: {error.strerror}", fix=_ANOTHER, code="POE-TOL-008"
        ) from error
    try:
        _refuse_unusable(folder, descriptor)
        yield
    finally:
        os.close(descriptor)


def _refuse_unusable(folder: Path, descriptor: int) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ToolError(f"{folder} cannot be written to", fix=_ANOTHER, code="POE-TOL-008")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ToolError(f"another process uses {folder}", fix=_ANOTHER, code="POE-TOL-009") from None
