"""The client of `poe bench sequence`, a process of its own: signs first, says so, then feeds frames at a word.

It speaks in lines of JSON: one when it is ready, one when it is done. Its standard input says go with any line.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field

import trio

from poe.backend.engine import workload_transfers
from poe.rollup.types import SLOT_BYTES, FieldElement
from poe.sequencer.stream import ACCEPTED, BEHIND, FULL, send_frame

RETRY = frozenset({FULL, BEHIND})
RETRY_SECONDS = 0.02
FRAME_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What to send where; `seconds` after the start nothing new is sent."""

    port: int
    domain: FieldElement
    accounts: int
    transactions: int
    seconds: float
    connections: int
    frame_transactions: int


@dataclass(slots=True)
class Tally:
    """What came of it."""

    accepted: int = 0
    refused: int = 0
    retried: int = 0
    answer_seconds: list[float] = field(default_factory=list)


async def feed(plan: Feed, slots: bytes) -> Tally:
    """Send the slots in frames over all connections, in order, until they or the time are used up."""
    tally, size = Tally(), plan.frame_transactions * SLOT_BYTES
    frames = iter([slots[at : at + size] for at in range(0, len(slots), size)])
    deadline = trio.current_time() + plan.seconds

    async def one_connection() -> None:
        async with await trio.open_tcp_stream("127.0.0.1", plan.port) as stream:
            while trio.current_time() < deadline and (frame := next(frames, None)) is not None:
                await _send_until_taken(stream, frame, tally, deadline)

    async with trio.open_nursery() as nursery:
        for _ in range(plan.connections):
            nursery.start_soon(one_connection)
    return tally


async def _send_until_taken(stream: trio.SocketStream, frame: bytes, tally: Tally, deadline: float) -> None:
    """Send a frame, and again after a rest what a full pool refused of it."""
    while frame:
        started = trio.current_time()
        with trio.fail_after(FRAME_SECONDS):
            codes = await send_frame(stream, frame)
        tally.answer_seconds.append(trio.current_time() - started)
        tally.accepted += codes.count(ACCEPTED)
        again = [i for i, code in enumerate(codes) if code in RETRY] if set(codes) & RETRY else []
        tally.refused += len(codes) - codes.count(ACCEPTED) - len(again)
        frame = b"".join(frame[i * SLOT_BYTES : (i + 1) * SLOT_BYTES] for i in again)
        if again:
            tally.retried += len(again)
            if trio.current_time() >= deadline:
                return
            await trio.sleep(RETRY_SECONDS)


def main() -> None:
    """Entry point: the plan as one JSON argument."""
    plan = Feed(**json.loads(sys.argv[1]))
    slots = workload_transfers(plan.accounts, first=0, count=plan.transactions, domain=plan.domain)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    tally = trio.run(feed, plan, slots)
    answers = sorted(tally.answer_seconds)
    done = {
        "accepted": tally.accepted,
        "refused": tally.refused,
        "retried": tally.retried,
        "answer_p99_seconds": answers[min(len(answers) - 1, len(answers) * 99 // 100)] if answers else 0.0,
    }
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
