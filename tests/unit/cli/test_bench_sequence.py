"""`poe bench execute` and `sequence`: what they print is what was sealed, and wrong options are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMON = {"transactions_per_second", "p99_seconds", "transactions", "durable_bytes", "accounts", "cpu", "cores"}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "poe", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def facts(*arguments: str) -> dict[str, Any]:
    done = bench(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) >= COMMON
    return found


def test_sequence_counts_what_another_process_sent_and_is_sealed_on_disk(tmp_path: Path) -> None:
    found = facts("sequence", "--seconds", "20", "--transactions", "300", "--accounts", "20", "--folder", str(tmp_path))
    assert (found["transactions"], found["accepted"], found["refused"]) == (300, 300, 0)
    assert found["batches"] >= 300 // 16
    assert found["durable_bytes"] > 2 * 300 * 128, "once as it waits, once in its batch"
    assert found["transactions_per_second"] > 0
    assert found["p99_seconds"] > 0
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"


def test_execute_needs_no_disk() -> None:
    found = facts("execute", "--seconds", "0.2", "--accounts", "50", "--shape", "8x4")
    assert found["transactions"] > 0
    assert found["durable_bytes"] == 0
    assert found["shape"] == "8x4"


@pytest.mark.parametrize(
    "arguments",
    [
        ("sequence", "--seconds", "0"),
        ("sequence", "--accounts", "1"),
        ("sequence", "--transactions", "0"),
        ("execute", "--accounts", "257", "--shape", "4x4"),
        ("execute", "--shape", "4"),
    ],
)
def test_options_out_of_range_are_refused_with_a_code(arguments: tuple[str, ...]) -> None:
    done = bench(*arguments)
    assert done.returncode != 0
    assert done.stderr.startswith("poe: POE-INP-")
    assert "Traceback" not in done.stderr
