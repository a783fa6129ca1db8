"""Only a testnet's folder is ever cleared."""

from __future__ import annotations

import shutil
from pathlib import Path

from poe.errors import ToolError

MARKER = "testnet.json"
"""Lists a run's endpoints, accounts and processes; a folder that holds it is ours to clear."""
_ANOTHER = "choose another with --data-dir"


def clear_folder(folder: Path) -> None:
    """Empty a held folder; ToolError rather than touching one that is not a testnet's."""
    if any(folder.iterdir()) and not (folder / MARKER).exists():
        raise ToolError(f"{folder} is not empty and holds no testnet", fix=_ANOTHER, code="POE-TOL-005")
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != MARKER:
            entry.unlink()
    (folder / MARKER).write_text("{}\n")
