"""`poe circuit`: files for snarkjs and back, and what a key file is."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from poe.backend import native
from poe.backend.interface import MutationReport
from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key, verifying_key_digest
from poe.cli.app import app
from poe.errors import BackendError, InputError, ToolError
from poe.rollup.types import Shape

SHAPE = Shape(slots=1, depth=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


def poe(*arguments: str) -> None:
    app(["circuit", *arguments], result_action="return_value")


def test_check_key_says_what_a_key_is(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = ensure_dev_key(SHAPE, cache)
    poe("check-key", str(key.path), "--json")
    assert json.loads(capsys.readouterr().out) == {
        "shape": "1x1",
        "circuit": "0x" + native.circuit_info(SHAPE).hash.hex(),
        "provenance": "insecure-dev",
        "verifying_key_sha256": verifying_key_digest(key.verifying_key_words),
    }
    poe("check-key", str(key.path))
    assert "provenance: insecure-dev\n" in capsys.readouterr().out


def test_check_key_refuses_what_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "some.key").write_bytes(b"poe-key\0")
    with pytest.raises(BackendError, match=r"some\.key: 8 bytes"):
        poe("check-key", str(tmp_path / "some.key"))


def test_what_is_exported_is_imported_beside_the_development_key(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = ("--shape", str(SHAPE), "--cache", str(cache))
    poe("export", "--out", str(tmp_path), *shape)
    written = capsys.readouterr().out.split()
    assert [Path(line).name for line in written] == ["circuit.r1cs", "circuit.zkey", "verification_key.json"]
    poe("import-key", str(tmp_path / "circuit.zkey"), *shape)
    path, provenance = capsys.readouterr().out.split()
    assert provenance == "(insecure-dev)"
    made = ensure_dev_key(SHAPE, cache).path
    assert Path(path).name.startswith(made.stem + "-")
    assert Path(path).read_bytes() == made.read_bytes()


def test_import_key_refuses_what_is_no_zkey(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "some.zkey").write_bytes(b"zkey")
    with pytest.raises(BackendError, match=r"some\.zkey: the file ends inside"):
        poe("import-key", str(tmp_path / "some.zkey"), "--shape", str(SHAPE), "--cache", str(cache))


def test_import_key_refuses_points_that_are_sound_but_not_the_circuits(cache: Path, tmp_path: Path) -> None:
    """IC 1 is now the H query's first point: on its curve, alone of its kind, and wrong."""
    poe("export", "--out", str(tmp_path), "--shape", str(SHAPE), "--cache", str(cache))
    zkey = tmp_path / "circuit.zkey"
    data = bytearray(zkey.read_bytes())
    ic, h = section_at(data, 3), section_at(data, 9)
    data[ic + 64 : ic + 128] = data[h : h + 64]
    zkey.write_bytes(data)
    before = sorted(cache.iterdir())
    with pytest.raises(BackendError, match=r"circuit\.zkey: no proof made with this key verifies"):
        poe("import-key", str(zkey), "--shape", str(SHAPE), "--cache", str(cache))
    assert {path.suffix for path in set(cache.iterdir()) - set(before)} <= {".lock"}


def section_at(data: bytes, wanted: int) -> int:
    """Where a section's bytes begin in a file of iden3's container."""
    at = 12
    while True:
        kind, length = struct.unpack_from("<IQ", data, at)
        at += 12
        if kind == wanted:
            return at
        at += length


def test_export_into_a_file_is_one_line(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ToolError, match=r"^POE-TOL-007: .*file cannot be written: ") as refused:
        poe("export", "--out", str(tmp_path / "file"), "--shape", str(SHAPE), "--cache", str(cache))
    assert "\n" not in str(refused.value)


def test_mutate_finds_no_second_witness_in_a_sample(capsys: pytest.CaptureFixture[str]) -> None:
    poe("mutate", "--shape", "1x1", "--sample", "30", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["survivors"] == 0
    assert report["wires"] > report["hints"] > 0
    assert report["mutations"] > 30


def test_mutate_fails_when_a_mutation_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_one(*_: object, **__: object) -> MutationReport:
        return MutationReport(wires=3, hints=2, mutations=9, survivors=("wire 2 goes unnoticed",))

    monkeypatch.setattr(native, "mutate_circuit", find_one)
    with pytest.raises(BackendError, match="1 mutations of the circuit survive"):
        poe("mutate", "--shape", "1x1")


def test_mutate_refuses_an_empty_sample() -> None:
    with pytest.raises(InputError, match="--sample is 0"):
        poe("mutate", "--sample", "0")


def test_info_tells_the_membership_circuits_size(capsys: pytest.CaptureFixture[str]) -> None:
    poe("info", "--membership", "2", "--json")
    circuit = native.membership_circuit_info(2)
    assert json.loads(capsys.readouterr().out) == {
        "membership_depth": 2,
        "constraints": circuit.constraints,
        "wires": circuit.wires,
        "public_inputs": 3,
        "hash": "0x" + circuit.hash.hex(),
    }


def test_a_membership_key_is_set_up_and_says_what_it_is(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poe("setup", "--membership", "1", "--cache", str(cache))
    path, provenance = capsys.readouterr().out.split()
    assert provenance == "(insecure-dev)"
    poe("check-key", path, "--json")
    key = ensure_dev_membership_key(1, cache)
    assert json.loads(capsys.readouterr().out) == {
        "membership_depth": 1,
        "circuit": "0x" + native.membership_circuit_info(1).hash.hex(),
        "provenance": "insecure-dev",
        "verifying_key_sha256": verifying_key_digest(key.verifying_key_words),
    }


def test_the_membership_circuit_is_exported_whole_and_imported(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    which = ("--membership", "1", "--cache", str(cache))
    poe("export", "--out", str(tmp_path), "--demo", "--phase-one", *which)
    names = [Path(line).name for line in capsys.readouterr().out.split()]
    assert names[:3] == ["circuit.r1cs", "circuit.zkey", "verification_key.json"]
    assert names[3:] == ["demo.wtns", "proof.json", "public.json", "phase-one.ptau"]
    poe("import-key", str(tmp_path / "circuit.zkey"), *which)
    path, provenance = capsys.readouterr().out.split()
    assert provenance == "(insecure-dev)"
    assert Path(path).read_bytes() == ensure_dev_membership_key(1, cache).path.read_bytes()
    with pytest.raises(BackendError, match="the key is of another circuit"):
        poe("import-key", str(tmp_path / "circuit.zkey"), "--shape", str(SHAPE), "--cache", str(cache))


def test_mutate_finds_no_second_witness_of_a_membership(capsys: pytest.CaptureFixture[str]) -> None:
    poe("mutate", "--membership", "2", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["membership_depth"], report["survivors"]) == (2, 0)
    assert report["wires"] == native.membership_circuit_info(2).wires - 1
    assert report["mutations"] > 20 * report["wires"]


def test_mutate_fails_when_a_membership_mutation_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_one(*_: object, **__: object) -> MutationReport:
        return MutationReport(wires=3, hints=2, mutations=9, survivors=("wire 2 goes unnoticed",))

    monkeypatch.setattr(native, "mutate_membership_circuit", find_one)
    with pytest.raises(BackendError, match="1 mutations of the circuit survive"):
        poe("mutate", "--membership", "1")


@pytest.mark.parametrize("command", ["info", "setup", "mutate"])
def test_one_circuit_is_named_and_it_exists(command: str) -> None:
    with pytest.raises(InputError, match="--shape and --membership are given"):
        poe(command, "--shape", "1x1", "--membership", "1")
    for depth in ("0", "25"):
        with pytest.raises(InputError, match=f"--membership is {depth}"):
            poe(command, "--membership", depth)


def test_mutate_takes_no_sample_of_a_membership() -> None:
    with pytest.raises(InputError, match="--sample is for batches"):
        poe("mutate", "--membership", "1", "--sample", "3")
