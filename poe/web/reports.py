"""What provers on this machine wrote into their status files: how long they proved, who finished when.

L1 tells who won, never by how much: a proof that comes too late leaves no event. Whoever runs provers may name their
data folders, and sees names and margins. The files are read strictly; what they say of L1 is not believed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from poe.rollup.types import Address, BatchNumber
from poe.status import STATUS_FILE

log = logging.getLogger("poe.web")

MAX_BYTES = 8 * 2**20
MAX_NAME_CHARACTERS = 32
KEPT_RACES = 512


class _Race(msgspec.Struct, frozen=True, kw_only=True):
    """A race as `poe.prover.record` writes it; times in Unix seconds."""

    batch: int
    outcome: str
    started_at: float
    ended_at: float
    proof_seconds: float | None
    proved_at: float | None
    core_seconds: float


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    payee: str
    races: list[_Race]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One prover's attempt at one batch, in Unix seconds; `proved_at` is None when it did not finish."""

    name: str
    payee: Address
    outcome: str
    started_at: float
    ended_at: float
    proof_seconds: float | None
    proved_at: float | None
    core_seconds: float


@dataclass(slots=True, kw_only=True)
class _Folder:
    path: Path
    stamp: tuple[int, int] = (0, 0)
    payee: Address | None = None
    runs: dict[BatchNumber, Run]


class Reports:
    """The status files of some data folders; `refresh` reads those that changed."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [_Folder(path=path, runs={}) for path in folders]

    @property
    def names(self) -> dict[Address, str]:
        """Payee to the name of its folder."""
        return {folder.payee: name_of(folder.path) for folder in self._folders if folder.payee is not None}

    def runs(self, number: BatchNumber) -> list[Run]:
        """Every attempt at a batch that a file tells of."""
        return [folder.runs[number] for folder in self._folders if number in folder.runs]

    def refresh(self) -> set[BatchNumber]:
        """Read the files that changed; the batches of which something new is told. Blocks on the disk."""
        changed: set[BatchNumber] = set()
        for folder in self._folders:
            changed |= _refresh(folder)
        return changed


def name_of(folder: Path) -> str:
    """A folder's name, printable and short."""
    return ascii(folder.name)[1:-1][:MAX_NAME_CHARACTERS]


def _refresh(folder: _Folder) -> set[BatchNumber]:
    path = folder.path / STATUS_FILE
    try:
        facts = path.stat()
        stamp = (facts.st_mtime_ns, facts.st_size)
        if stamp == folder.stamp or facts.st_size > MAX_BYTES:
            return set()
        status = msgspec.json.decode(path.read_bytes(), type=_Status)
        payee = _address(status.payee)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        log.debug("status_not_read folder=%s reason=%s", name_of(folder.path), type(error).__name__)
        return set()
    before, folder.stamp, folder.payee = folder.runs, stamp, payee
    name = name_of(folder.path)
    folder.runs = {BatchNumber(race.batch): _run(race, name, payee) for race in status.races[-KEPT_RACES:]}
    return {number for number, run in folder.runs.items() if before.get(number) != run}


def _run(race: _Race, name: str, payee: Address) -> Run:
    return Run(
        name=name,
        payee=payee,
        outcome=race.outcome[:MAX_NAME_CHARACTERS],
        started_at=race.started_at,
        ended_at=race.ended_at,
        proof_seconds=race.proof_seconds,
        proved_at=race.proved_at,
        core_seconds=race.core_seconds,
    )


def _address(text: str) -> Address:
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError("a payee is 20 bytes")
    return Address(raw)


def margin_seconds(runs: Sequence[Run], winner: Address | None) -> float | None:
    """How long before the next finished proof the winner's was finished; None when nobody else's is known."""
    won = [run.proved_at for run in runs if run.payee == winner and run.proved_at is not None]
    rivals = [run.proved_at for run in runs if run.payee != winner and run.proved_at is not None]
    return round(min(rivals) - min(won), 3) if won and rivals else None
