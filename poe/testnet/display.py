"""What a person sees of a run: a line when something happens, a row for each batch that becomes final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from poe.observer.standings import Row
from poe.testnet.report import batch_entry
from poe.testnet.stage import Stage

HEADINGS = ("batch", "txs", "winner", "proof s", "margin s", "posted→accepted s", "block")
WIDTHS = (5, 4, 14, 8, 9, 18, 6)


class Display:
    """Prints to the console; a row is printed once, when its batch is final and its winner has told its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: set[int] = set()

    def say(self, line: str) -> None:
        """One line about the run itself."""
        self._console.print(f"[dim]{line}[/dim]", highlight=False)

    def started(self, endpoints: Mapping[str, Mapping[str, str]], stage: Stage) -> None:
        """Where everything is."""
        arbiter = "0x" + stage.parameters.address.hex()
        self.say(f"arbiter {arbiter}, shape {stage.parameters.shape}, key {stage.key.provenance}")
        for name, where in endpoints.items():
            self.say(f"{name:<10} " + "  ".join(f"{kind} {url}" for kind, url in where.items()))
        self._console.print(_line(HEADINGS), style="bold", highlight=False)

    def show(self, rows: Sequence[Row], provers: Mapping[str, Mapping[str, Any]]) -> None:
        """Print the rows that are new."""
        for row in rows:
            if row.finalized is None or row.number in self._shown:
                continue
            entry = batch_entry(row, provers)
            if entry["proof_seconds"] is None:
                continue  # the winner has not written its status yet
            self._shown.add(row.number)
            self._console.print(_line(_cells(entry)), highlight=False)

    def finished(self, report: Mapping[str, Any]) -> None:
        """The run's totals."""
        table = Table("prover", "won", "finished", "cancelled", "wasted core s", "payee", title="standings")
        for prover in report["provers"]:
            cells = (prover["won"], prover["finished"], prover["cancelled"], prover["wasted_core_seconds"])
            table.add_row(prover["name"], *map(str, cells), prover["payee"])
        self._console.print(table)
        gas = ", ".join(f"{call} {used}" for call, used in report["gas"].items() if used is not None)
        self.say(
            f"{report['finalized']} batches final · executed {report['executed_tps']} tx/s ·"
            f" proven {report['proven_tps']} tx/s · gas: {gas}"
        )


def _cells(entry: Mapping[str, Any]) -> tuple[str, ...]:
    margin = entry["margin_seconds"]
    return (
        str(entry["number"]),
        str(entry["txs"]),
        entry["winner_name"] or "?",
        f"{entry['proof_seconds']:.2f}",
        "alone" if margin is None else f"{margin:+.2f}",
        str(entry["posted_to_accepted_seconds"]),
        str(entry["accepted_block"]),
    )


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))
