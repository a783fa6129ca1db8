"""Committed vectors are what their generators write today."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parent
GENERATE = VECTORS / "generate"
WRITTEN_BY = {
    "circomlib.mjs": ["blake512.json", "eddsa.json", "merkle.json", "poseidon.json"],
    "statement.mjs": ["statement.json"],
    "membership.mjs": ["membership.json"],
}
OURS = {"transition.py": "transition.json", "announcement.py": "announcement.json"}


def _assert_same(folder: Path, names: list[str]) -> None:
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert (folder / name).read_bytes() == (VECTORS / name).read_bytes(), f"{name}: run scripts/generate-vectors"


@pytest.mark.parametrize("program", WRITTEN_BY)
def test_circomlibjs_still_gives_the_committed_answers(program: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (GENERATE / "node_modules").is_dir():
        pytest.skip("circomlibjs is not installed: npm ci --ignore-scripts --prefix tests/vectors/generate")
    subprocess.run([node, GENERATE / program, tmp_path], check=True, timeout=120)
    _assert_same(tmp_path, WRITTEN_BY[program])


@pytest.mark.parametrize("program", OURS)
def test_our_own_programs_still_give_the_committed_answers(program: str, tmp_path: Path) -> None:
    command = [sys.executable, str(GENERATE / program), str(tmp_path)]
    subprocess.run(command, check=True, timeout=120, env={"PYTHONPATH": str(VECTORS.parents[1])})
    _assert_same(tmp_path, [OURS[program]])


def test_every_vector_file_has_a_generator_and_says_its_encoding() -> None:
    names = sorted(path.name for path in VECTORS.glob("*.json"))
    assert names == sorted([*(name for group in WRITTEN_BY.values() for name in group), *OURS.values()])
    assert all("hex" in json.loads((VECTORS / name).read_text())["encoding"] for name in names)


def test_lock_file_names_no_host() -> None:
    """Whoever installs takes the packages from the registry of their own choice, checked by their hashes."""
    packages = json.loads((GENERATE / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for path, package in packages.items() if path)
