"""`poe bench`: real measurements of the smallest circuit, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poe.backend import fast, measure, native
from poe.backend.keys import ensure_dev_key
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
    assert 0 < facts["cancel_seconds"] <= facts["longest_seconds"] < 10


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
