"""kill -9 at any point: what the engine has said is there when it comes back, and no number names two batches."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from poe.backend.engine import Engine, workload_transfers
from poe.backend.interface import EngineRules, QueueSlots
from poe.rollup.types import AccountIndex, FieldElement, Shape

ACCOUNTS, SLOTS = 16, 4
FRAME = 32
DOMAIN = FieldElement(4711)
RULES = EngineRules(
    shape=Shape(slots=SLOTS, depth=3),
    domain=DOMAIN,
    fee_account=AccountIndex(0),
    pool_transactions=100_000,
    pool_per_account=10_000,
    pool_seconds=3600.0,
    kept_batches=8,
    max_unposted=4000,
)
CHILD = """
import sys
from pathlib import Path
from tests.integration.test_engine_crashes import run
run(Path(sys.argv[1]), int(sys.argv[2]))
"""


def open_engine(path: Path) -> Engine:
    return Engine(RULES, path, clock=lambda: 0.0, genesis_accounts=ACCOUNTS)


def run(path: Path, first: int) -> None:
    """In the child: take frames, cut, undo and cut again for ever, and say what has been promised after each step."""
    engine, rng = open_engine(path), random.Random(first)
    print("open", flush=True)
    while True:
        codes = engine.admit(workload_transfers(ACCOUNTS, first=first, count=FRAME, domain=DOMAIN))
        assert set(codes) == {0}
        first += FRAME
        print("accepted", first, flush=True)
        if rng.random() < 0.2:
            height = engine.standing().height
            undone = rng.randrange(max(engine.base()[0], height - 3), height + 1)
            print("undoing", undone, flush=True)
            engine.truncate(undone)
        cut = engine.seal(QueueSlots(), most=rng.randrange(1, 12), partial=False)
        for number in range(cut[0], cut[1] + 1) if cut else ():
            batch = engine.batch(number)
            assert batch is not None
            print("sealed", number, batch.batch_hash.hex(), flush=True)
        if rng.random() < 0.5:
            engine.set_posted(engine.standing().height)


@dataclass(slots=True)
class Promises:
    """What a child has said: transactions before `accepted` are taken, batches sealed and not undone since."""

    accepted: int = 0
    sealed: dict[int, str] = field(default_factory=dict)

    def note(self, line: str) -> None:
        match line.split():
            case ["accepted", count]:
                self.accepted = int(count)
            case ["undoing", number]:
                self.sealed = {n: h for n, h in self.sealed.items() if n <= int(number)}
            case ["sealed", number, batch_hash]:
                assert int(number) not in self.sealed, "two batches with one number"
                self.sealed[int(number)] = batch_hash


def kill_after(path: Path, promises: Promises, lines: int) -> None:
    """Run a child until it has said so many lines, then kill it without a warning."""
    command = [sys.executable, "-c", CHILD, str(path), str(promises.accepted)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout is not None
        for _ in range(lines):
            promises.note(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:  # said before the signal arrived
            if line.endswith("\n"):
                promises.note(line)


def check(path: Path, promises: Promises) -> None:
    """What was promised is there. One more frame than promised may be: its answer was on the way."""
    engine = open_engine(path)
    standing, (base, _, _) = engine.standing(), engine.base()
    for number, batch_hash in promises.sealed.items():
        if number > base:
            batch = engine.batch(number)
            assert batch is not None, f"batch {number} is lost"
            assert batch.batch_hash.hex() == batch_hash
    nonces = sum(account.nonce for i in range(ACCOUNTS) if (account := engine.account(AccountIndex(i))) is not None)
    assert nonces == standing.transactions
    assert standing.transactions + standing.waiting in (promises.accepted, promises.accepted + FRAME)
    promises.accepted = standing.transactions + standing.waiting
    assert standing.height == standing.durable
    promises.sealed = {n: h for n, h in promises.sealed.items() if base < n <= standing.height}
    for number in range(base + 1, standing.height + 1):
        batch = engine.batch(number)
        assert batch is not None
        promises.sealed[number] = batch.batch_hash.hex()


def crash_often(path: Path, rounds: int, seed: int) -> None:
    rng, promises = random.Random(seed), Promises()
    for _ in range(rounds):
        kill_after(path, promises, rng.randrange(1, 120))
        check(path, promises)
    assert promises.accepted > 0


def test_what_was_promised_survives_kills_at_any_point(tmp_path: Path) -> None:
    crash_often(tmp_path / "engine.redb", rounds=5, seed=1)


@pytest.mark.long
def test_what_was_promised_survives_many_kills(tmp_path: Path) -> None:
    crash_often(tmp_path / "engine.redb", rounds=60, seed=2)


def test_a_file_copied_while_it_is_written_opens_at_a_whole_commit_or_is_refused(tmp_path: Path) -> None:
    """A copy is torn as a power cut may tear: pages of several moments."""
    path, copy = tmp_path / "engine.redb", tmp_path / "copy.redb"
    engine = open_engine(path)
    for round_number in range(12):
        engine.admit(workload_transfers(ACCOUNTS, first=round_number * FRAME, count=FRAME, domain=DOMAIN))
        engine.seal(QueueSlots(), most=100, partial=True)
    shutil.copyfile(path, copy)
    accepted, height = 12 * FRAME, engine.standing().height
    promises = Promises(accepted=accepted)
    check(copy, promises)
    assert (promises.accepted, max(promises.sealed)) == (accepted, height)
