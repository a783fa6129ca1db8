"""Static analysis: every finding of Slither is explained in slither.toml, and every explanation is still needed.

Needs slither and forge on PATH; `scripts/assure slither` sees to both.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

CONTRACTS = Path(__file__).parent.parent
EXPLAINED = Path(__file__).with_suffix(".toml")
STYLE_ONLY = "naming-convention,solc-version,pragma,too-many-digits"
"""Detectors about taste: immutables in capitals, the compiler's version (pinned in foundry.toml), long literals."""


def findings() -> list[tuple[str, str]]:
    """(detector, description without places) of every finding in src, in a fixed order."""
    command = ["slither", ".", "--filter-paths", "test/", "--exclude", STYLE_ONLY, "--json", "-", "--fail-none"]
    run = subprocess.run(command, cwd=CONTRACTS, capture_output=True, text=True, timeout=600, check=False)
    try:
        result = json.loads(run.stdout)
    except ValueError:
        raise SystemExit(f"slither gave no result: {run.stderr[-2000:]}") from None
    if not result["success"]:
        raise SystemExit(f"slither failed: {result['error']}")
    found = [(entry["check"], describe(entry)) for entry in result["results"].get("detectors", [])]
    return sorted(set(found))


def describe(entry: dict[str, object]) -> str:
    """The first line of a finding, without line numbers, which move."""
    text = str(entry["description"]).strip().splitlines()[0]
    return re.sub(r" \((?:src|test)/[^)]*\)", "", text).strip()


def main() -> int:
    """Compare what is found with what is explained."""
    explained = {
        (entry["check"], finding): entry["reason"]
        for entry in tomllib.loads(EXPLAINED.read_text())["finding"]
        for finding in entry["found"]
    }
    found = findings()
    new = [one for one in found if one not in explained]
    gone = [one for one in explained if one not in found]
    for check, text in new:
        print(f"not explained: {check}: {text}")
    for check, text in gone:
        print(f"explained, but not found any more: {check}: {text}")
    print(f"{len(found)} findings, {len(found) - len(new)} explained in {EXPLAINED.name}")
    return 1 if new or gone else 0


if __name__ == "__main__":
    sys.exit(main())
