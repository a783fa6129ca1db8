"""Follows L1: our own chain of recent headers, the arbiter's logs of exactly those blocks, reorgs undone.

Near the head every header is linked to its parent and logs are asked for by block hash, because an endpoint behind a
load balancer answers a range it has not seen yet with no logs and no error. History, which no reorg we survive can
reach, is read in ranges. Polling, since no filter or subscription tells of a reorg reliably.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import trio

from poe.errors import BadAnswer, L1Error, RpcRefused
from poe.l1 import answers
from poe.l1.answers import RawLog
from poe.l1.events import EventDecoder
from poe.l1.interface import ArbiterEvent, ArbiterParameters, BlockRef, ChainUpdate
from poe.l1.rpc import JsonRpc

log = logging.getLogger("poe.l1.follower")

KEPT_BLOCKS = 128
"""Headers kept: the deepest reorg that does not start over."""

_CHUNK_BLOCKS = 16
_RANGE_BLOCKS = 2048
_SHORT_HEAD_POLLS = 3
_LONGEST_BACKOFF_SECONDS = 8.0

In = TypeVar("In")
Out = TypeVar("Out")


class _Moved(Exception):
    """The endpoint's chain changed while we read it: look again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerStats:
    """Counters since start, for metrics; `head_age_seconds` since the endpoint last showed a new head."""

    rpc_errors: int
    reorgs: int
    deepest_reorg_blocks: int
    skipped_logs: int
    head_number: int
    followed_number: int
    head_age_seconds: float


class ChainFollower:
    """The arbiter's events from its deployment block on, each update exact for the chain that ends in its head."""

    def __init__(
        self, rpc: JsonRpc, parameters: ArbiterParameters, decoder: EventDecoder, *, poll_seconds: float = 0.25
    ) -> None:
        self._rpc = rpc
        self._address = parameters.address
        self._base = parameters.deployed_at_block - 1
        self._decoder = decoder
        self._poll_seconds = poll_seconds
        self._chain: deque[BlockRef] = deque(maxlen=KEPT_BLOCKS + 1)
        self._undone_to: int | None = None
        self._has_told = False
        self._range_blocks = _RANGE_BLOCKS
        self._short_heads = 0
        self._head: BlockRef | None = None
        self._head_seen_at = 0.0
        self._rpc_errors = self._reorgs = self._deepest = self._skipped = 0

    def stats(self) -> FollowerStats:
        """A snapshot of the counters; call it inside trio."""
        return FollowerStats(
            rpc_errors=self._rpc_errors,
            reorgs=self._reorgs,
            deepest_reorg_blocks=self._deepest,
            skipped_logs=self._skipped,
            head_number=self._head.number if self._head else 0,
            followed_number=self._chain[-1].number if self._chain else 0,
            head_age_seconds=trio.current_time() - self._head_seen_at if self._head else 0.0,
        )

    @property
    def is_caught_up(self) -> bool:
        """Has the last update reached the head the endpoint showed last?"""
        return bool(self._chain) and self._head is not None and self._chain[-1].hash == self._head.hash

    async def updates(self) -> AsyncGenerator[ChainUpdate, None]:
        """Endless; a failing endpoint is waited for, with backoff and counted; a reorg is an update like others."""
        while True:
            yield await self._next_update()

    async def _next_update(self) -> ChainUpdate:
        backoff = self._poll_seconds
        while True:
            try:
                update = await self._step()
                backoff = self._poll_seconds
            except _Moved:
                update = None
            except L1Error as error:
                self._rpc_errors += 1
                log.warning("l1_read_failed retry_in=%.2fs error=%s", backoff, error)
                await trio.sleep(backoff)
                backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)
                continue
            if update is not None:
                return update
            await trio.sleep(self._poll_seconds)

    async def _step(self) -> ChainUpdate | None:
        """One look at the head; what it brings, or None for nothing new."""
        head = await self._look_at_head()
        if not self._chain:
            self._chain.append(await self._canonical(self._base))
        tip = self._chain[-1]
        if head.hash == tip.hash:
            return self._tell(tip, []) if self._undone_to is not None else None
        if head.number <= tip.number:
            return await self._shorter_or_other(head)
        if head.number - tip.number > KEPT_BLOCKS:
            return await self._read_history(min(head.number - KEPT_BLOCKS, tip.number + self._range_blocks))
        return await self._read_recent(min(head.number, tip.number + _CHUNK_BLOCKS))

    async def _look_at_head(self) -> BlockRef:
        head = await self._rpc.latest()
        if head.number < self._base:
            raise BadAnswer(
                f"{self._rpc.endpoint} is at block {head.number}, before the arbiter's deployment",
                fix="is the endpoint still syncing, or another chain?",
            )
        if self._head is None or self._head.hash != head.hash:
            self._head, self._head_seen_at = head, trio.current_time()
        return head

    async def _shorter_or_other(self, head: BlockRef) -> ChainUpdate | None:
        """The head is no higher than our tip and is not our tip: lagging endpoint, reverted chain, or a reorg."""
        known = self._known(head.number)
        if known is not None and known.hash == head.hash:
            self._short_heads += 1
            if self._short_heads < _SHORT_HEAD_POLLS:
                return None
        await self._undo_reorg(head)
        if not self._chain or not self._has_told:
            return None
        tip = self._chain[-1]
        if tip.hash == head.hash:
            return self._tell(tip, [])
        return await self._read_recent(min(head.number, tip.number + _CHUNK_BLOCKS))

    async def _read_recent(self, last: int) -> ChainUpdate | None:
        """Blocks up to `last`, each linked to the one before and its logs asked for by hash."""
        tip = self._chain[-1]
        blocks = await _in_parallel(self._canonical, range(tip.number + 1, last + 1))
        for parent, block in zip([tip, *blocks], blocks, strict=False):
            if block.parent_hash != parent.hash:
                if parent is tip:
                    await self._undo_reorg(blocks[-1])
                raise _Moved
        logs = await _in_parallel(self._logs_of_block, blocks)
        events = [event for block, found in zip(blocks, logs, strict=True) for event in self._decode(found, block)]
        self._chain.extend(blocks)
        return self._tell(blocks[-1], events)

    async def _read_history(self, last: int) -> ChainUpdate | None:
        """A range of old blocks by two calls, and one for each block with logs."""
        tip = self._chain[-1]
        first = tip.number + 1
        old_tip, end = await _in_parallel(self._canonical, (tip.number, last))
        if old_tip.hash != tip.hash:
            await self._undo_reorg(end)
            raise _Moved
        logs = await self._logs_of_range(first, last)
        if logs is None:
            return None
        numbers = sorted({entry.block_number for entry in logs})
        blocks = {block.number: block for block in await _in_parallel(self._canonical, numbers)}
        if any(blocks[entry.block_number].hash != entry.block_hash for entry in logs):
            raise _Moved
        events: list[ArbiterEvent] = []
        for number in numbers:
            found = [entry for entry in logs if entry.block_number == number]
            events += self._decode(found, blocks[number])
        self._chain.clear()
        self._chain.append(end)
        return self._tell(end, events)

    async def _logs_of_block(self, block: BlockRef) -> list[RawLog]:
        query = {"address": "0x" + self._address.hex(), "blockHash": "0x" + block.hash.hex()}
        try:
            found = await self._get_logs(query)
        except RpcRefused:
            if (await self._rpc.block(block.number) or block).hash != block.hash:
                raise _Moved from None
            raise
        if any(entry.block_hash != block.hash or entry.block_number != block.number for entry in found):
            raise BadAnswer(f"{self._rpc.endpoint} answered logs of another block than {block.number}")
        return found

    async def _logs_of_range(self, first: int, last: int) -> list[RawLog] | None:
        """Logs of a range; None after the endpoint refused and the range was halved."""
        query = {
            "address": "0x" + self._address.hex(),
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        try:
            found = await self._get_logs(query)
        except L1Error as error:
            if last == first:
                raise
            self._rpc_errors += 1
            self._range_blocks = (last - first + 1) // 2
            log.warning("l1_range_halved blocks=%d error=%s", self._range_blocks, error)
            return None
        if any(not first <= entry.block_number <= last for entry in found):
            raise BadAnswer(f"{self._rpc.endpoint} answered logs outside blocks {first} to {last}")
        self._range_blocks = min(_RANGE_BLOCKS, self._range_blocks + self._range_blocks // 4 + 1)
        return found

    async def _get_logs(self, query: dict[str, str]) -> list[RawLog]:
        found = [
            answers.raw_log(entry) for entry in answers.array(await self._rpc.call("eth_getLogs", query), "eth_getLogs")
        ]
        if any(entry.address != self._address for entry in found):
            raise BadAnswer(f"{self._rpc.endpoint} answered logs of another contract")
        found.sort(key=lambda entry: (entry.block_number, entry.log_index))
        places = {(entry.block_number, entry.log_index) for entry in found}
        if len(places) != len(found):
            raise BadAnswer(f"{self._rpc.endpoint} answered a log twice")
        return found

    def _decode(self, logs: Sequence[RawLog], block: BlockRef) -> list[ArbiterEvent]:
        events: list[ArbiterEvent] = []
        for entry in logs:
            try:
                events.extend(self._decoder.decode(entry, block))
            except ValueError as error:
                self._skipped += 1
                log.warning("l1_log_skipped block=%d index=%d reason=%s", block.number, entry.log_index, error)
        return events

    async def _canonical(self, number: int) -> BlockRef:
        block = await self._rpc.block(number)
        if block is None:
            raise _Moved
        return block

    def _known(self, number: int) -> BlockRef | None:
        """Our own header at a height, if kept."""
        index = number - self._chain[0].number
        return self._chain[index] if 0 <= index < len(self._chain) else None

    async def _undo_reorg(self, head: BlockRef) -> None:
        """Walk back to the last header that is still canonical and forget those after it."""
        tip = self._chain[-1].number
        number = min(tip, head.number)
        while (known := self._known(number)) is not None and (await self._canonical(number)).hash != known.hash:
            number -= 1
        self._reorgs += 1
        self._short_heads = 0
        if known is None:
            log.error("l1_reorg_deeper_than_kept kept=%d: starting over", len(self._chain))
            number = self._base
            self._chain.clear()
        while self._chain and self._chain[-1].number > number:
            self._chain.pop()
        self._deepest = max(self._deepest, tip - number)
        log.warning("l1_reorg depth=%d back_to=%d", tip - number, number)
        if self._has_told:
            self._undone_to = number if self._undone_to is None else min(self._undone_to, number)

    def _tell(self, head: BlockRef, events: list[ArbiterEvent]) -> ChainUpdate:
        undone_to, self._undone_to = self._undone_to, None
        self._has_told = True
        self._short_heads = 0
        return ChainUpdate(head=head, rolled_back_to=undone_to, events=tuple(events))


async def _in_parallel(read: Callable[[In], Awaitable[Out]], items: Sequence[In]) -> list[Out]:
    """Read all items at once (the connection bounds how many), in order; the first failure is raised alone."""
    results: dict[int, Out] = {}
    failures: list[L1Error | _Moved] = []

    async def one(index: int, item: In, scope: trio.CancelScope) -> None:
        try:
            results[index] = await read(item)
        except (L1Error, _Moved) as error:
            failures.append(error)
            scope.cancel()

    async with trio.open_nursery() as nursery:
        for index, item in enumerate(items):
            nursery.start_soon(one, index, item, nursery.cancel_scope)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(items))]
