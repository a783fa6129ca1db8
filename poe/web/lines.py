"""The race as lines, for terminals and programs: one for each step of a batch, from the same read model as the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from poe.web.model import RaceModel

WEI_AN_ETHER = 10**18
STEPS = ("posted", "proven", "final")
UNDONE = "undone"


class Lines:
    """Remembers how far each batch had come and tells the steps since."""

    def __init__(self, model: RaceModel, *, as_json: bool) -> None:
        self._model = model
        self._as_json = as_json
        self._version = -1
        self._reached: dict[int, int] = {}

    def news(self) -> list[str]:
        """A line for each step since the last call, oldest batch first."""
        changes = self._model.changes(self._version) or self._model.snapshot()
        self._version = self._model.version
        steps = [*self._removed(changes["removed"]), *self._steps(changes["batches"])]
        self._forget(self._model.snapshot()["batches"])
        names: Mapping[str, str] = self._model.snapshot()["names"]
        return [as_json(*step) if self._as_json else as_text(*step, names) for step in steps]

    def _removed(self, numbers: list[int]) -> Iterator[tuple[str, dict[str, Any]]]:
        for number in numbers:
            if self._reached.pop(number, None) is not None:
                yield UNDONE, {"n": number}

    def _steps(self, rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
        for row in sorted(rows, key=lambda row: int(row["n"])):
            before = self._reached.get(row["n"], 0)
            now = 3 if row["final"] else 2 if row["proof"] else 1
            self._reached[row["n"]] = now
            if now < before:
                yield UNDONE, row
            for step in STEPS[before:now]:
                yield step, row

    def _forget(self, rows: list[dict[str, Any]]) -> None:
        oldest = min((int(row["n"]) for row in rows), default=0)
        for number in [number for number in self._reached if number < oldest]:
            del self._reached[number]


def as_json(step: str, row: Mapping[str, Any]) -> str:
    """One JSON object: the step's name and the batch's row as the page has it."""
    return json.dumps({"step": step, "batch": row}, separators=(",", ":"))


def as_text(step: str, row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """One line for a person."""
    return f"{row['n']:>7}  {step:<7} {_details(step, row, names)}".rstrip()


def _details(step: str, row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if step == "posted":
        return f"block {row['posted']['block']}, {row['txs']} txs, reward {ether(row['reward'])} ETH"
    if step == UNDONE:
        return "by a reorg"
    proof = row["proof"]
    if proof is None:
        return ""
    winner = names.get(proof["payee"], proof["payee"])
    if step == "final":
        return f"block {row['final']['block']}, {winner} is paid"
    seconds = posting_seconds(row["posted"], proof)
    margin = "" if row["margin"] is None else f", {row['margin']:+.2f} s to the next finished proof"
    return f"by {winner} after {seconds:.1f} s{margin}"


def posting_seconds(posted: Mapping[str, Any], proof: Mapping[str, Any]) -> float:
    """From posting to the accepted proof, by our clock if we saw one after the other, else by L1's."""
    if posted["seen"] is not None and proof["seen"] is not None and proof["seen"] > posted["seen"]:
        return float(proof["seen"] - posted["seen"])
    return float(proof["time"] - posted["time"])


def ether(wei: str) -> str:
    """A Wei amount in ETH, exact, without useless zeros."""
    whole, rest = divmod(int(wei), WEI_AN_ETHER)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
