"""Writes the Grafana dashboards: `python -m dashboards.generate`. Run it again after changing a panel.

The JSON is committed; a test regenerates it and compares.
"""

from __future__ import annotations

from pathlib import Path

from dashboards import network, prover, race, sequencer
from dashboards.panels import Page, render

FOLDER = Path(__file__).parent
PAGES: dict[str, Page] = {
    "race": race.PAGE,
    "prover": prover.PAGE,
    "sequencer": sequencer.PAGE,
    "network": network.PAGE,
}


def files() -> dict[Path, str]:
    """Every dashboard's file and its text."""
    return {FOLDER / f"{name}.json": render(page) for name, page in PAGES.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
