"""A role's state as one JSON file in its data folder, for people and other processes to look at.

The file is replaced atomically, so a reader sees a whole old state or a whole new one. It is a view: nothing is ever
read back from it by the role itself.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger("poe.status")

STATUS_FILE = "status.json"
ENDPOINTS_FILE = "endpoints.json"


def write_status(data_dir: Path, status: Mapping[str, Any]) -> None:
    """Replace the status file of `data_dir`; where that fails (a full disk) the role goes on, and the log says so."""
    try:
        _replace(data_dir / STATUS_FILE, status)
    except OSError as error:
        log.warning("status_not_written reason=%r", error.strerror or str(error))


def read_status(data_dir: Path) -> dict[str, Any] | None:
    """The last status of a role; None when it has not written one yet."""
    return _read(data_dir / STATUS_FILE)


def write_endpoints(data_dir: Path, endpoints: Mapping[str, str]) -> None:
    """Tell where the role can be reached; its presence says that the role is up."""
    _replace(data_dir / ENDPOINTS_FILE, endpoints)


def read_endpoints(data_dir: Path) -> dict[str, str] | None:
    """Where the role of `data_dir` can be reached; None before it is up."""
    return _read(data_dir / ENDPOINTS_FILE)


def _replace(target: Path, value: Mapping[str, Any]) -> None:
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    os.replace(temporary, target)


def _read(source: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(source.read_text())
    except FileNotFoundError:
        return None
    return value
