"""Starts `poe testnet up` as a process and looks at what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHAPE = "2x2"


def start(data_dir: Path, *options: str) -> subprocess.Popen[bytes]:
    """`poe testnet up` on a small shape, its output in a file beside the data."""
    command = [sys.executable, "-m", "poe", "testnet", "up", "--shape", SHAPE, "--data-dir", str(data_dir), *options]
    with (data_dir.parent / "output").open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `condition` returns once it is truthy."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen in {seconds} s")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def finish(process: subprocess.Popen[bytes], data_dir: Path, seconds: float = 300) -> None:
    code = process.wait(timeout=seconds)
    assert code == 0, (data_dir.parent / "output").read_text()
