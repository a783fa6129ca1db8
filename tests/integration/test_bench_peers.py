"""The comparison with other provers: it runs, every proof in it verifies, and what is missing is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
POE = ROOT / ".venv" / "bin" / "poe"


def compare(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    if not POE.exists():
        pytest.skip("poe is not installed in .venv: scripts/setup")
    command = [sys.executable, str(ROOT / "scripts" / "bench_peers.py"), "--shape", "1x2", "--runs", "1", *arguments]
    environment = None if path is None else {"PATH": path, "HOME": str(Path.home())}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=environment)


def test_snarkjs_is_timed_beside_ours_on_the_same_circuit() -> None:
    if not (ROOT / "tests/integration/snarkjs/node_modules").exists():
        pytest.skip("snarkjs is not installed: npm ci --ignore-scripts --prefix tests/integration/snarkjs")
    done = compare("--only", "snarkjs", "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    ours, theirs = report["provers"]
    assert ours["name"].startswith("poe (")
    assert theirs["name"] == "snarkjs"
    assert ours["times_ours"] == 1.0
    assert theirs["times_ours"] > 1.0
    assert theirs["us_per_constraint"] == pytest.approx(theirs["median_seconds"] / report["constraints"] * 1e6)


def test_a_peer_that_is_not_on_this_machine_is_left_out_and_said_to_be() -> None:
    done = compare("--only", "rapidsnark", "gnark", path="/nonexistent")
    assert done.returncode == 0, done.stderr
    assert "rapidsnark: left out" in done.stderr
    assert "gnark: left out" in done.stderr
    assert len(done.stdout.splitlines()) == 2, "the heading and ours"


def test_nonsense_is_refused() -> None:
    done = compare("--runs", "0")
    assert done.returncode == 2
    assert "at least 1" in done.stderr
