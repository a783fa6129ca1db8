"""A role's state as one JSON file in its data folder, for people and other processes to look at.

The file is replaced atomically, so a reader sees a whole old state or a whole new one. It is a view: nothing is ever
read back from it by the role itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "status.json"


def write_status(data_dir: Path, status: Mapping[str, Any]) -> None:
    """Replace the status file of `data_dir`."""
    target = data_dir / FILE_NAME
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(status, indent=1, sort_keys=True) + "\n")
    os.replace(temporary, target)


def read_status(data_dir: Path) -> dict[str, Any] | None:
    """The last status of a role; None when it has not written one yet."""
    try:
        status: dict[str, Any] = json.loads((data_dir / FILE_NAME).read_text())
    except FileNotFoundError:
        return None
    return status
