"""The testnet command as people run it: real processes, real proofs, and what its report claims checked on L1."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

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


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    data_dir = tmp_path / "net"
    yield data_dir
    for pid in read_json(data_dir / "testnet.json").get("pids", {}).values():
        assert not is_running(pid), f"process {pid} outlived its testnet"


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def finish(process: subprocess.Popen[bytes], data_dir: Path, seconds: float = 300) -> None:
    code = process.wait(timeout=seconds)
    assert code == 0, (data_dir.parent / "output").read_text()


def test_without_gossip_the_race_runs_from_l1_alone(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    finish(start(data_dir, "--no-gossip", "--provers", "2", "--batches", "2", "--json", str(out)), data_dir)
    report = json.loads(out.read_text())
    assert report["finalized"] >= 2
    assert all(prover["agrees_with_l1"] for prover in report["provers"])
    assert "net" not in read_json(data_dir / "testnet.json")["endpoints"]["prover-1"]


def test_a_report_claims_only_what_l1_shows(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    finish(start(data_dir, "--provers", "2", "--batches", "3", "--json", str(out)), data_dir)
    report = json.loads(out.read_text())
    observer = read_json(data_dir / "observer" / "status.json")
    on_l1 = {batch["number"]: (batch["winner"], batch["l1_tx"]) for batch in observer["batches"]}
    assert report["finalized"] >= 3
    assert [batch["number"] for batch in report["batches"]] == list(range(1, report["finalized"] + 1))
    for batch in report["batches"]:
        assert on_l1[batch["number"]] == (batch["winner"], batch["l1_tx"])
        assert batch["txs"] > 0
        assert batch["proof_seconds"] > 0
    assert sum(prover["won"] for prover in report["provers"]) == report["finalized"]
    assert report["rejected"] == 0
    assert report["gas"]["sequenceBatch"] > 21_000
    assert report["gas"]["submitProof"] > 200_000
    for prover in report["provers"]:
        assert prover["agrees_with_l1"], prover
    assert report["sequencer"]["agrees_with_l1"]
    assert report["executed_tps"] > 0
    assert report["proven_tps"] > 0


def test_an_interrupt_ends_everything_and_still_reports(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    process = start(data_dir, "--provers", "1", "--json", str(out))
    wait_until(lambda: read_json(data_dir / "observer" / "status.json").get("finalized"), 180, "a final batch")
    os.kill(process.pid, signal.SIGINT)
    finish(process, data_dir, seconds=60)
    assert json.loads(out.read_text())["finalized"] >= 1
