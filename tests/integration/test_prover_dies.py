"""kill -9 of the leading prover in the middle of a run: the others carry on and no batch is lost."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.integration.launching import finish, is_running, read_json, start, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

BATCHES = 6


def leader(folder: Path) -> str | None:
    """The name of the prover with the most wins, once somebody has won."""
    accounts = read_json(folder / "testnet.json").get("accounts", {})
    wins = read_json(folder / "observer" / "status.json").get("wins", {})
    names = {address: name for name, address in accounts.items()}
    return names[max(wins, key=wins.get)] if wins else None


def test_killing_the_leading_prover_loses_no_batch(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    process = start(data_dir, "--provers", "3", "--batches", str(BATCHES), "--json", str(out))
    victim = wait_until(lambda: leader(data_dir), 180, "a first win")
    pid = read_json(data_dir / "testnet.json")["pids"][victim]
    won_before = read_json(data_dir / "observer" / "status.json")["finalized"]
    assert won_before < BATCHES, "the run was over before the kill"
    os.kill(pid, signal.SIGKILL)
    finish(process, data_dir)
    assert not is_running(pid)
    report = json.loads(out.read_text())
    assert report["finalized"] >= BATCHES
    assert [batch["number"] for batch in report["batches"]] == list(range(1, report["finalized"] + 1))
    survivors = [prover for prover in report["provers"] if prover["name"] != victim]
    assert sum(prover["won"] for prover in survivors) >= BATCHES - won_before - 1
    assert all(prover["agrees_with_l1"] for prover in survivors)
