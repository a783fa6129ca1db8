"""`poe bench`: real measurements of the smallest circuit, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.backend import fast, lost_races, measure, native
from poe.backend.demo import demo_job
from poe.backend.keys import ensure_dev_key
from poe.backend.lost_races import lose_races, quantile
from poe.cli import bench
from poe.cli.app import app
from poe.errors import BackendError, InputError
from poe.rollup.types import Shape

SHAPE = Shape(slots=1, depth=1)
MACHINE = {"cpu", "ifma", "cores"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the key's small tables in it."""
    folder = tmp_path_factory.mktemp("keys")
    fast.FastProver(ensure_dev_key(SHAPE, folder).path, threads=2, tables="small")
    return folder


def measured(capsys: pytest.CaptureFixture[str], command: str, cache: Path, *options: str) -> dict[str, Any]:
    arguments = [command, "--shape", str(SHAPE), "--runs", "2", "--cache", str(cache), "--json", *options]
    app(["bench", *arguments], result_action="return_value")
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert facts.keys() >= MACHINE
    assert facts["shape"] == "1x1"
    assert facts["runs"] == 2
    assert facts["spread"] >= 0
    return facts


def test_proving_is_measured_a_constraint(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = measured(capsys, "prove", cache, "--tables", "small", "--threads", "1")
    assert facts["constraints"] == native.circuit_info(SHAPE).constraints
    assert facts["us_per_constraint"] == pytest.approx(facts["prove_seconds"] / facts["constraints"] * 1e6)
    assert min(facts["witness_seconds"], facts["prove_seconds"], facts["verify_seconds"], facts["core_seconds"]) > 0
    assert facts["total_seconds"] >= facts["prove_seconds"]
    assert facts["peak_memory_bytes"] > facts["table_bytes"] > 0
    assert (facts["path"], facts["tables"], facts["threads"]) == (fast.arithmetics()[0], "small", 1)
    assert facts["is_mapped"]


def test_the_scalar_path_is_measured_as_such(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measured(capsys, "prove", cache, "--tables", "small", "--path", "scalar")["path"] == "scalar"


def test_verifying_is_measured(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 < measured(capsys, "verify", cache)["verify_seconds"] < 10


def test_cancelling_is_measured(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = measured(capsys, "cancel", cache, "--tables", "small")
    assert facts["races"] == 2
    assert 0 < facts["p50_seconds"] <= facts["p99_seconds"] <= facts["longest_seconds"] < 10


async def test_a_race_is_lost_when_no_thread_of_the_worker_runs_any_more(cache: Path) -> None:
    key = ensure_dev_key(SHAPE, cache)
    lost = await lose_races(key, demo_job(SHAPE), races=3, threads=2, tables="small")
    assert len(lost.seconds) == 3
    assert lost.killed in range(4)
    assert all(0 < seconds < lost_races.IDLE_SECONDS for seconds in lost.seconds)


async def test_proofs_that_cannot_be_stopped_in_the_middle_are_told(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ready_before(*_: object, **__: object) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(lost_races, "_lose_one", ready_before)
    with pytest.raises(BackendError, match="0 of 1 proofs") as told:
        await lose_races(ensure_dev_key(SHAPE, cache), demo_job(SHAPE), races=1, threads=1, tables="small")
    assert told.value.code == "POE-BCK-090"


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 100.0), (0.99, 198.0), (1.0, 200.0), (0.001, 1.0)], ids=["p50", "p99", "most", "least"]
)
def test_a_quantile_is_the_value_of_the_nearest_rank(share: float, value: float) -> None:
    assert quantile([float(i) for i in range(200, 0, -1)], share) == value


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--runs", "0"], "--runs is 0"),
        (["--threads", "0"], "--threads is 0"),
        (["--shape", "many"], "shape 'manyx10'"),
        (["--shape", "255x24"], "would need about"),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_refused(options: list[str], what: str) -> None:
    with pytest.raises(InputError, match=what):
        app(["bench", "prove", *options], result_action="return_value")


@pytest.mark.parametrize(("option", "value"), [("--path", "abacus"), ("--tables", "huge")])
def test_an_unknown_arithmetic_or_size_is_refused(cache: Path, option: str, value: str) -> None:
    with pytest.raises(BackendError, match=f'"{value}"'):
        app(
            ["bench", "prove", "--shape", str(SHAPE), "--cache", str(cache), option, value],
            result_action="return_value",
        )


def test_people_read_milliseconds_mebibytes_and_percent() -> None:
    facts = {"prove_seconds": 0.0123, "load_seconds": 2.5, "table_bytes": 3 << 20, "spread": 0.256, "path": "ifma"}
    lines = [line.split(maxsplit=1) for line in bench.table(facts).splitlines()]
    assert lines == [
        ["prove", "12.30 ms"],
        ["load", "2.500 s"],
        ["table", "3 MiB"],
        ["spread", "26%"],
        ["path", "ifma"],
    ]


def test_spread_is_a_part_of_the_median() -> None:
    assert measure.spread_of([1.0, 2.0, 4.0]) == 1.5
    assert measure.spread_of([3.0]) == 0
