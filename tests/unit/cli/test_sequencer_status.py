"""`poe sequencer status`: what a sequencer last told of itself, and whether it still runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poe.cli.sequencer import status
from poe.errors import InputError
from poe.folder import hold_folder
from poe.status import write_status

TOLD = {
    "role": "sequencer",
    "ready": True,
    "exit_mode": False,
    "heights": {"sealed": 9, "sequenced": 8, "accepted": 6, "finalized": 5},
    "agrees_with_l1": True,
    "total_balance_gwei": 77,
    "mempool": 3,
    "executed": 40,
}


def test_a_running_sequencer_tells_how_far_each_stage_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_status(tmp_path, TOLD)
    with hold_folder(tmp_path):
        status(data_dir=tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["running", "batches: 9 sealed, 8 sequenced, 6 accepted, 5 finalized"]
    assert "mempool: 3" in lines


def test_one_that_does_not_run_is_said_not_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_status(tmp_path, TOLD)
    status(data_dir=tmp_path)
    assert capsys.readouterr().out.startswith("not running")
    status(data_dir=tmp_path, json=True)
    assert json.loads(capsys.readouterr().out) == {**TOLD, "running": False}


@pytest.mark.parametrize("role", [None, "prover"])
def test_a_folder_that_is_no_sequencers_is_refused(tmp_path: Path, role: str | None) -> None:
    if role is not None:
        write_status(tmp_path, {"role": role})
    with pytest.raises(InputError) as refused:
        status(data_dir=tmp_path)
    assert refused.value.code == "POE-INP-095"
