"""The shipped contracts are what the sources give: caught here without node, rebuilt by scripts/contracts."""

import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from poe.backend import native
from poe.prover import race
from poe.rollup.types import Shape
from poe.sequencer import publisher
from poe.sequencer.hindrance import HINDRANCES

CONTRACTS = Path(__file__).parents[3] / "contracts"
NAMES = ("Arbiter", "Groth16Verifier")
CODE_SIZE_LIMIT = 24_576
"""EIP-170."""


@pytest.fixture(params=NAMES)
def artifact(request: pytest.FixtureRequest) -> dict[str, Any]:
    text = files("poe.l1").joinpath("artifacts", f"{request.param}.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def source_sha256(root: Path) -> str:
    """SHA-256 of the lines "<SHA-256 of file>  <path>", sorted by path (contracts/bin/artifacts.mjs)."""
    paths = sorted(path.relative_to(root).as_posix() for path in (root / "src").rglob("*.sol"))
    lines = (f"{hashlib.sha256((root / path).read_bytes()).hexdigest()}  {path}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_shipped_code_comes_from_the_present_sources(artifact: dict[str, Any]) -> None:
    assert artifact["sourceSha256"] == source_sha256(CONTRACTS), "run scripts/contracts artifacts"


def test_source_hash_sees_every_byte_and_every_name(tmp_path: Path) -> None:
    (tmp_path / "src" / "libraries").mkdir(parents=True)
    source = tmp_path / "src" / "libraries" / "A.sol"
    source.write_text("a")
    before = source_sha256(tmp_path)
    source.write_text("b")
    changed = source_sha256(tmp_path)
    source.rename(source.with_name("B.sol"))
    assert len({before, changed, source_sha256(tmp_path)}) == 3


def test_shipped_code_is_what_the_pinned_tools_make(artifact: dict[str, Any]) -> None:
    pinned = json.loads((CONTRACTS / "package.json").read_text())["devDependencies"]["solc"]
    assert artifact["solc"].startswith(f"{pinned}+commit.")
    assert artifact["settings"]["metadata"] == {"bytecodeHash": "none", "appendCBOR": False}


def test_shipped_code_is_linked_and_fits_a_contract(artifact: dict[str, Any]) -> None:
    deployed = bytes.fromhex(artifact["deployedBytecode"].removeprefix("0x"))
    creation = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
    assert 0 < len(deployed) <= CODE_SIZE_LIMIT
    assert len(creation) > len(deployed)


def test_every_error_that_a_role_acts_on_is_the_arbiters() -> None:
    abi = json.loads(files("poe.l1").joinpath("artifacts", "Arbiter.json").read_text())["abi"]
    errors = {entry["name"] for entry in abi if entry["type"] == "error"}
    acted_on = publisher.OVERTAKEN | publisher.QUEUE_MOVED | publisher.NEVER_RIGHT | race.NOT_WANTED
    assert acted_on | set(HINDRANCES) <= errors


def test_every_function_and_event_of_the_interface_is_shipped() -> None:
    folder = CONTRACTS / "src" / "interfaces"
    interface = "".join((folder / name).read_text() for name in ("IArbiter.sol", "IArbiterTypes.sol"))
    declared = set(re.findall(r"^    (?:function|event|error) (\w+)\(", interface, re.MULTILINE))
    abi = json.loads(files("poe.l1").joinpath("artifacts", "Arbiter.json").read_text())["abi"]
    assert {"creditExits", "ForcedExitQueued", "WrongExit"} <= declared
    assert declared == {entry["name"] for entry in abi if "name" in entry}


def test_every_test_that_the_design_names_exists() -> None:
    design = (CONTRACTS / "DESIGN.md").read_text()
    sources = "".join(path.read_text() for path in (CONTRACTS / "test").rglob("*.sol"))
    functions = re.findall(r"function (\w+)\(", sources)
    named = re.findall(r"`((?:test|testFuzz|invariant|\.\.\.)_\w+)`", design)
    assert len(named) > 30
    missing = [name for name in named if not any(found.endswith(name.lstrip(".")) for found in functions)]
    assert not missing


def test_no_lock_entry_names_a_registry() -> None:
    packages = json.loads((CONTRACTS / "package-lock.json").read_text())["packages"]
    hosts = {entry["resolved"].split("/")[2] for entry in packages.values() if "resolved" in entry}
    assert hosts <= {"registry.npmjs.org"}


def test_fixture_proofs_are_of_the_present_circuit() -> None:
    fixture = json.loads((CONTRACTS / "fixtures" / "race.json").read_text())
    shape = Shape(slots=int(fixture["slots"], 16), depth=int(fixture["depth"], 16))
    present = native.circuit_info(shape).hash.hex()
    assert fixture["circuitVersion"] == f"0x{present}", "run contracts/fixtures/generate.py"
