"""Reports: status files of this machine's provers give names, times and margins; a broken one changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poe.rollup.types import BatchNumber
from poe.status import write_status
from poe.web.reports import MAX_NAME_CHARACTERS, Reports, margin_seconds, name_of
from tests.fakes_web import PAYEES, Watched

A, B, C = PAYEES[:3]


def a_race(batch: int, *, started: float = 10.0, proved: float | None = 11.0, outcome: str = "won") -> dict[str, Any]:
    seconds = None if proved is None else proved - started
    return {
        "batch": batch, "outcome": outcome, "started_at": started, "ended_at": (proved or started) + 0.5,
        "proof_seconds": seconds, "proved_at": proved, "core_seconds": 1.0, "code": "POE-RAC-001", "gas_used": None,
    }  # fmt: skip


def write(folder: Path, payee: bytes, *races: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    write_status(folder, {"role": "prover", "payee": "0x" + payee.hex(), "races": list(races), "height": 3})
    return folder


def test_names_and_runs_come_from_the_files(tmp_path: Path) -> None:
    reports = Reports([write(tmp_path / "prover-1", A, a_race(1), a_race(2, proved=None, outcome="cancelled"))])
    assert reports.refresh() == {1, 2}
    assert reports.names == {A: "prover-1"}
    (run,) = reports.runs(BatchNumber(2))
    assert (run.payee, run.proved_at, run.outcome) == (A, None, "cancelled")


def test_a_file_that_did_not_change_is_not_told_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "one", A, a_race(1))
    reports = Reports([folder])
    reports.refresh()
    assert reports.refresh() == set()
    write(folder, A, a_race(1), a_race(2), a_race(3))
    assert reports.refresh() == {2, 3}


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '{"role": "prover"}', '{"role": "sequencer", "finalized": 3}',
        '{"role":"prover","payee":"0x12","races":[]}', '{"role":"prover","payee":7,"races":[]}',
        '{"role":"prover","payee":"0x' + "zz" * 20 + '","races":[]}',
        json.dumps({"role": "prover", "payee": "0x" + "00" * 20, "races": [{**a_race(1), "proved_at": "soon"}]}),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_a_prover_changes_nothing(tmp_path: Path, content: str) -> None:
    folder = write(tmp_path / "one", A, a_race(1))
    reports = Reports([folder, tmp_path / "missing"])
    reports.refresh()
    (folder / "status.json").write_text(content)
    assert reports.refresh() == set()
    assert reports.names == {A: "one"}
    assert len(reports.runs(BatchNumber(1))) == 1


def test_the_margin_is_the_winners_lead_over_the_next_finished_proof(tmp_path: Path) -> None:
    folders = [
        write(tmp_path / "a", A, a_race(1, proved=12.0)),
        write(tmp_path / "b", B, a_race(1, proved=12.25)),
        write(tmp_path / "c", C, a_race(1, proved=None)),
    ]
    reports = Reports(folders)
    reports.refresh()
    runs = reports.runs(BatchNumber(1))
    assert margin_seconds(runs, A) == 0.25
    assert margin_seconds(runs, B) == -0.25, "the first proof made is not always the first accepted"
    assert margin_seconds(runs, C) is None
    assert margin_seconds(runs, None) is None
    assert margin_seconds(runs[:1], A) is None, "no rival finished"


def test_a_folders_name_is_short_and_printable() -> None:
    assert name_of(Path("x/prover-1")) == "prover-1"
    assert name_of(Path("x/\u202eevil\n")).isascii()
    assert len(name_of(Path("x/" + "y" * 200))) == MAX_NAME_CHARACTERS


def test_the_page_hears_of_new_reports(tmp_path: Path) -> None:
    folder = tmp_path / "prover-1"
    watched = Watched([folder])
    watched.post(1)
    watched.win(1, A)
    write(folder, A, a_race(1))
    version = watched.model.version
    watched.model.take_reports(watched.model.reports.refresh())
    changes = watched.model.changes(version)
    assert changes is not None
    assert changes["names"] == {"0x" + A.hex(): "prover-1"}
    assert changes["batches"][0]["runs"][0]["name"] == "prover-1"
