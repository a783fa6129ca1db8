"""A testnet under each award policy that makes money wait: real provers stake, contend, take turns and settle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.launching import finish, read_json, start

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]


def run(data_dir: Path, tmp_path: Path, policy: str) -> dict[str, Any]:
    """The report of a short run of two provers that both go for the oldest batch at once."""
    out = tmp_path / "out.json"
    racing = ("--provers", "2", "--batches", "3", "--jitter", "0", "--strategy", "oldest", "--tps", "4", "--no-web")
    finish(start(data_dir, "--policy", policy, *racing, "--json", str(out)), data_dir)
    report: dict[str, Any] = json.loads(out.read_text())
    return report


def paid_at_least(report: dict[str, Any], batches: int) -> None:
    """So many batches are paid, each once, to provers of ours; the report's shares add up over them."""
    ours = {prover["payee"] for prover in report["provers"]}
    winners = [batch["winner"] for batch in report["batches"] if batch["winner"] is not None]
    assert len(winners) >= batches
    assert set(winners) <= ours
    assert sum(report["winner_share"].values()) == pytest.approx(1, abs=0.001)
    assert 1 / len(ours) - 0.001 <= report["hhi"] <= 1
    assert report["rejected"] == 0
    for prover in report["provers"]:
        assert prover["agrees_with_l1"], prover
        assert prover["failed"] == 0, prover


def test_under_a_photo_finish_awards_are_drawn_and_paid(data_dir: Path, tmp_path: Path) -> None:
    report = run(data_dir, tmp_path, "photo-finish")
    paid_at_least(report, 3)
    races = [
        race for prover in ("prover-1", "prover-2") for race in read_json(data_dir / prover / "status.json")["races"]
    ]
    won = {race["batch"] for race in races if race["outcome"] == "won"}
    outdrawn = {race["batch"] for race in races if race["outcome"] == "outdrawn"}
    assert won, "the provers' own books agree that somebody was paid"
    assert outdrawn <= won | {race["batch"] for race in races if race["outcome"] == "contended"}


def test_under_a_lease_nobody_proves_for_nothing(data_dir: Path, tmp_path: Path) -> None:
    report = run(data_dir, tmp_path, "lease")
    paid_at_least(report, 3)
    proofs = sum(prover["finished"] for prover in report["provers"])
    assert proofs <= len(report["batches"]) + 2, "one prover a batch, but for leases that ran out"
