"""What a person sees of a run: a line when something happens, a row for each batch that becomes final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from poe.observer.standings import Row
from poe.testnet.report import batch_entry
from poe.testnet.stage import Stage

HEADINGS = ("batch", "txs", "winner", "proof s", "margin s", "posted→accepted s", "block")
WIDTHS = (5, 4, 14, 8, 9, 18, 6)
ROWS_HELD_BACK = 8
STANDINGS_WIDTHS = (10, 4, 8, 9, 6, 13, 42)


class Display:
    """Prints to the console; a row is printed once, when its batch is final and its winner has told its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: set[int] = set()

    def say(self, line: str) -> None:
        """One line about the run itself."""
        self._print(line, style="dim")

    def started(self, endpoints: Mapping[str, Mapping[str, str]], stage: Stage) -> None:
        """Where everything is."""
        arbiter = "0x" + stage.parameters.address.hex()
        self.say(f"arbiter {arbiter}, shape {stage.parameters.shape}, key {stage.key.provenance}")
        for name, where in endpoints.items():
            self.say(f"{name:<10} " + "  ".join(f"{kind} {url}" for kind, url in where.items()))
        for page in (where["web"] for where in endpoints.values() if "web" in where):
            self._print(f"live page  {page}", style="bold")
        self._print(_line(HEADINGS, WIDTHS), style="bold")

    def show(self, rows: Sequence[Row], provers: Mapping[str, Mapping[str, Any]], *, is_last: bool = False) -> None:
        """Print the rows that are new, in order; one whose winner has not told its time yet waits, but not for ever."""
        final = [row for row in rows if row.finalized is not None]
        patience = 0 if is_last else ROWS_HELD_BACK
        for position, row in enumerate(final):
            if row.number in self._shown:
                continue
            entry = batch_entry(row, provers)
            if entry["proof_seconds"] is None and len(final) - position <= patience:
                return
            self._shown.add(row.number)
            self._print(_line(_cells(entry), WIDTHS))

    def finished(self, report: Mapping[str, Any]) -> None:
        """The run's totals."""
        headings = ("prover", "won", "finished", "cancelled", "failed", "wasted core s", "payee")
        self._print(_line(headings, STANDINGS_WIDTHS), style="bold")
        for prover in report["provers"]:
            counts = (str(prover[key]) for key in ("won", "finished", "cancelled", "failed"))
            wasted = f"{prover['wasted_core_seconds']:.1f}"
            self._print(_line((prover["name"], *counts, wasted, prover["payee"] or "?"), STANDINGS_WIDTHS))
        gas = ", ".join(f"{call} {used}" for call, used in report["gas"].items() if used is not None)
        self.say(
            f"{report['finalized']} batches final · executed {report['executed_tps']} tx/s ·"
            f" proven {report['proven_tps']} tx/s · gas: {gas}"
        )

    def _print(self, line: str, *, style: str | None = None) -> None:
        """One line, never wrapped or read as markup: a person may pipe it into a file."""
        self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _cells(entry: Mapping[str, Any]) -> tuple[str, ...]:
    margin = entry["margin_seconds"]
    return (
        str(entry["number"]),
        str(entry["txs"]),
        entry["winner_name"] or "?",
        "?" if entry["proof_seconds"] is None else f"{entry['proof_seconds']:.2f}",
        "alone" if margin is None else f"{margin:+.2f}",
        str(entry["posted_to_accepted_seconds"]),
        str(entry["accepted_block"]),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
