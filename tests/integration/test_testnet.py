"""The testnet command as people run it: real processes, real proofs, and what its report claims checked on L1."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.integration.launching import finish, read_json, start, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]


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
