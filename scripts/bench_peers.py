"""Times open Groth16 provers and ours on one circuit and one witness, one after the other, and prints ratios.

Run by `scripts/bench peers`. Every proof is verified by whoever made it. Only ratios of one run mean something: how
fast a machine is at a given moment cancels out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "tests" / "bench" / "peers"
POE = ROOT / ".venv" / "bin" / "poe"
SECONDS = 3600


def main() -> int:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="poe-peers-") as folder:
        files = Path(folder)
        run([POE, "circuit", "export", "--shape", arguments.shape, "--demo", "--out", files])
        results = [measure_poe(arguments), *measure_peers(files, arguments)]
    report = {
        "shape": arguments.shape,
        "cores": os.cpu_count(),
        "constraints": results[0]["constraints"],
        "provers": [with_ratio(result, results[0]) for result in results],
    }
    print(json.dumps(report, indent=1) if arguments.json else table(report))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="4x5", help="slots and tree depth, such as 16x10")
    parser.add_argument("--runs", type=int, default=5, help="proofs a prover")
    parser.add_argument("--only", nargs="*", default=list(MEASURES), choices=list(MEASURES), help="which peers")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs is at least 1")
    return arguments


def measure_poe(arguments: argparse.Namespace) -> dict[str, Any]:
    """Ours, by its own benchmark: key loaded, the proof alone timed."""
    command = [POE, "bench", "prove", "--shape", arguments.shape, "--runs", arguments.runs, "--json"]
    found = json.loads(run(command))
    return {
        "name": f"poe ({found['path']})",
        "version": "",
        "constraints": found["constraints"],
        "median_seconds": found["prove_seconds"],
    }


def measure_peers(files: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    results = []
    for name in arguments.only:
        try:
            found = MEASURES[name](files, arguments.runs)
        except Missing as missing:
            print(f"{name}: left out, {missing}", file=sys.stderr)
            continue
        found["median_seconds"] = statistics.median(found.pop("prove_seconds"))
        results.append(found)
    return results


class Missing(Exception):
    """A peer's tool is not on this machine."""


def measure_gnark(files: Path, runs: int) -> dict[str, Any]:
    require("go")
    program = files / "gnark"
    run(["go", "build", "-o", program, "."], folder=PEERS / "gnark")
    return parsed(run([program, files / "circuit.r1cs", files / "demo.wtns", runs]))


def measure_arkworks(files: Path, runs: int) -> dict[str, Any]:
    require("cargo")
    build = ["cargo", "run", "--quiet", "--release", "--package", "poe-core", "--example", "peer_arkworks", "--"]
    return parsed(run([*build, files / "circuit.r1cs", files / "demo.wtns", runs]))


def measure_snarkjs(files: Path, runs: int) -> dict[str, Any]:
    require("node")
    if not (ROOT / "tests/integration/snarkjs/node_modules/snarkjs").exists():
        raise Missing("it is not installed: npm ci --ignore-scripts --prefix tests/integration/snarkjs")
    return parsed(run(["node", PEERS / "snarkjs.mjs", files / "circuit.zkey", files / "demo.wtns", runs]))


def measure_rapidsnark(files: Path, runs: int) -> dict[str, Any]:
    """A whole process a proof, the key read from the disk cache: rapidsnark's command does nothing else."""
    require("rapidsnark")
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        run(["rapidsnark", *(files / name for name in ("circuit.zkey", "demo.wtns", "p.json", "q.json"))])
        seconds.append(time.perf_counter() - started)
    return {"name": "rapidsnark (with start and key load)", "version": "", "prove_seconds": seconds}


MEASURES = {
    "gnark": measure_gnark,
    "arkworks": measure_arkworks,
    "snarkjs": measure_snarkjs,
    "rapidsnark": measure_rapidsnark,
}


def with_ratio(result: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    seconds = result["median_seconds"]
    return {
        **{key: value for key, value in result.items() if key != "constraints"},
        "us_per_constraint": seconds / ours["constraints"] * 1e6,
        "times_ours": seconds / ours["median_seconds"],
    }


def table(report: dict[str, Any]) -> str:
    lines = [f"{report['shape']}, {report['constraints']:,} constraints, {report['cores']} cores"]
    for prover in report["provers"]:
        name = f"{prover['name']} {prover['version']}".strip()
        lines.append(
            f"{name:<40} {prover['median_seconds']:8.3f} s {prover['us_per_constraint']:8.2f} us a constraint"
            f" {prover['times_ours']:7.2f} x ours"
        )
    return "\n".join(lines)


def require(program: str) -> None:
    if shutil.which(program) is None:
        raise Missing(f"{program} is not on PATH")


def parsed(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output)
    return found


def run(command: list[Any], folder: Path = ROOT) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
