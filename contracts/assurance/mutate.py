"""Mutation run over the contracts: change one thing, run the suite, count what nobody notices.

    python contracts/assurance/mutate.py [--sample N] [--seed N] [--only Arbiter.sol] [--json FILE]

Compiles without the optimizer (gas and size tests are left out), a few seconds a mutant. A mutant that does not compile
counts as nothing. Exits with 1 if the kill rate is below `--at-least` (per cent).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mutants import Mutant, mutants, sample

CONTRACTS = Path(__file__).parent.parent
COPIED = ("src", "test", "fixtures", "snapshots", "bin", "foundry.toml")
SECONDS = 300
QUICK = {
    "FOUNDRY_OPTIMIZER": "false",
    "FOUNDRY_CODE_SIZE_LIMIT": "400000",
    "FOUNDRY_DENY": "never",
    "FOUNDRY_FUZZ_RUNS": "16",
    "FOUNDRY_INVARIANT_RUNS": "4",
    "FOUNDRY_INVARIANT_DEPTH": "24",
}
WITHOUT_IR = re.compile(
    r"^(?:additional_compiler_profiles = .*|compilation_restrictions = \[\n(?: .*\n)*\])\n", re.MULTILINE
)
"""The settings that compile what is shipped by way of the IR, which takes too long for every mutant."""
LEFT_OUT = ("--no-match-path", "test/{Gas*,symbolic/*}", "--no-match-test", "Gas|FitL1")


class Suite:
    """A private copy of the contracts in which sources can be changed and the tests run."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "contracts"
        self.root.mkdir()
        for name in COPIED:
            source = CONTRACTS / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, self.root / name)
        settings = self.root / "foundry.toml"
        settings.write_text(WITHOUT_IR.sub("", settings.read_text()))
        (self.root / "node_modules").symlink_to((CONTRACTS / "node_modules").resolve())
        vectors = Path("tests") / "vectors"
        shutil.copytree(CONTRACTS.parent / vectors, folder / vectors, ignore=shutil.ignore_patterns("node_modules"))

    def run(self) -> str:
        """`passed`, `failed`, `stillborn` (does not compile) or `endless` (which counts as noticed)."""
        try:
            built = self._forge("build")
            if built.returncode != 0:
                return "stillborn"
            tested = self._forge("test", "--fail-fast", *LEFT_OUT)
        except subprocess.TimeoutExpired:
            return "endless"
        return "passed" if tested.returncode == 0 else "failed"

    def verdict(self, name: str, mutant: Mutant) -> str:
        """What the suite says with one source changed."""
        path = self.root / "src" / name
        source = path.read_text()
        path.write_text(mutant.apply(source))
        try:
            return self.run()
        finally:
            path.write_text(source)

    def _forge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        forge = next((CONTRACTS / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"))
        return subprocess.run(
            [forge, *arguments],
            cwd=self.root,
            env=os.environ | QUICK,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def candidates(only: str | None) -> list[tuple[str, Mutant]]:
    """Every mutant of every source, with the source's name below `src`."""
    sources = sorted((CONTRACTS / "src").rglob("*.sol"))
    named = [(str(path.relative_to(CONTRACTS / "src")), path) for path in sources]
    return [
        (name, mutant)
        for name, path in named
        if not name.startswith("interfaces/") and (only is None or name == only)
        for mutant in mutants(path.read_text())
    ]


def main() -> int:
    """Run and print; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, default=100, help="how many mutants to draw (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one source, such as Arbiter.sol")
    parser.add_argument("--at-least", type=float, default=0.0, help="per cent that must be noticed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    everything = candidates(options.only)
    drawn = sample(everything, options.sample, options.seed)
    print(f"{len(everything)} mutants, {len(drawn)} of them drawn by seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        suite = Suite(Path(folder))
        if (verdict := suite.run()) != "passed":
            print(f"the unchanged contracts: {verdict}", file=sys.stderr)
            return 2
        verdicts = [(name, mutant, suite.verdict(name, mutant)) for name, mutant in drawn]
    return _report(verdicts, options.at_least, options.json)


def _report(verdicts: list[tuple[str, Mutant, str]], at_least: float, file: Path | None) -> int:
    counts = Counter(verdict for _, _, verdict in verdicts)
    alive = [(name, mutant) for name, mutant, verdict in verdicts if verdict == "passed"]
    tried = len(verdicts) - counts["stillborn"]
    rate = 100 * (tried - len(alive)) / max(tried, 1)
    for name, mutant in alive:
        source = (CONTRACTS / "src" / name).read_text()
        old = " ".join(mutant.old.split())
        print(f"survived: {name}:{mutant.line(source)}: {mutant.operator}: {old} -> {mutant.new}")
    print(f"{tried} compiled, {tried - len(alive)} noticed: {rate:.1f} %")
    if file is not None:
        file.write_text(json.dumps({"tried": tried, "survived": len(alive), "kill_rate": rate / 100}) + "\n")
    return 0 if rate >= at_least else 1


if __name__ == "__main__":
    sys.exit(main())
