"""The follower: exact events of the canonical chain, through reorgs, outages, lies and lagging endpoints."""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from poe.errors import L1Unreachable, RpcRefused
from poe.l1.abi import load_artifact
from poe.l1.events import EventDecoder
from poe.l1.follower import KEPT_BLOCKS, ChainFollower
from poe.l1.interface import ArbiterEvent, BlockRef, ChainUpdate, Deposited
from tests.fakes_l1 import PARAMETERS, SHAPE, FakeChain, FakeRpc, deposited

BASE = PARAMETERS.deployed_at_block - 1


def follower_of(chain: FakeChain) -> ChainFollower:
    decoder = EventDecoder(load_artifact("Arbiter"), shape=SHAPE)
    return ChainFollower(FakeRpc(chain.answer), PARAMETERS, decoder)


class Reader:
    """Collects updates into what a role would know: the surviving events, by block."""

    def __init__(self, follower: ChainFollower) -> None:
        self.follower = follower
        self.seen: list[ChainUpdate] = []
        self.events: list[ArbiterEvent] = []
        self.head: BlockRef | None = None

    async def read_until(self, done: Callable[[], bool], *, seconds: float = 600.0) -> None:
        updates = self.follower.updates()
        assert isinstance(updates, AsyncGenerator)
        with trio.fail_after(seconds):
            async with aclosing(updates):
                while not done():
                    self.take(await anext(updates))

    def take(self, update: ChainUpdate) -> None:
        if update.rolled_back_to is not None:
            undone_to = update.rolled_back_to
            self.events = [event for event in self.events if event.origin.block.number <= undone_to]
        self.events += update.events
        self.seen.append(update)
        self.head = update.head

    async def catch_up(self, chain: FakeChain) -> None:
        await self.read_until(lambda: self.head == chain.head)

    @property
    def amounts(self) -> list[tuple[int, int]]:
        """(block, queue index) of the deposits known."""
        return [(e.origin.block.number, e.queue_index) for e in self.events if isinstance(e, Deposited)]


@pytest.fixture
def chain() -> FakeChain:
    made = FakeChain()
    for index in range(6):
        made.mine(deposited(index))
    return made


@pytest.fixture
def reader(chain: FakeChain) -> Reader:
    return Reader(follower_of(chain))


async def test_events_come_in_chain_order_with_their_origin(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    assert reader.amounts == [(4 + i, i) for i in range(6)]
    for event in reader.events:
        assert event.origin.block == chain.blocks[event.origin.block.number].ref
    assert reader.seen[0].rolled_back_to is None
    assert reader.follower.is_caught_up


async def test_several_events_of_one_block_keep_their_order(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    chain.mine(deposited(6), deposited(7), deposited(8))
    chain.blocks[-1].logs.reverse()
    await reader.catch_up(chain)
    assert [event.origin.log_index for event in reader.events[-3:]] == [0, 1, 2]


async def test_nothing_is_told_while_the_head_stays(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    with pytest.raises(trio.TooSlowError):
        await reader.read_until(lambda: False, seconds=60)
    assert len(reader.seen) == 1
    assert reader.follower.stats().head_age_seconds >= 59


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 6])
async def test_a_reorg_of_the_same_height_rolls_back_exactly(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock, depth: int
) -> None:
    await reader.catch_up(chain)
    chain.reorg(depth)
    await reader.catch_up(chain)
    assert reader.seen[-1].rolled_back_to == chain.head.number - depth
    assert reader.amounts == [(4 + i, i) for i in range(6 - depth)]
    stats = reader.follower.stats()
    assert (stats.reorgs, stats.deepest_reorg_blocks) == (1, depth)


async def test_a_reorg_to_a_longer_branch_brings_its_events(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    chain.drop(2)
    for index in (40, 41, 42, 43):
        chain.mine(deposited(index))
    await reader.catch_up(chain)
    assert reader.amounts[4:] == [(8, 40), (9, 41), (10, 42), (11, 43)]


async def test_a_reorg_and_its_new_events_come_as_one_update(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    chain.drop(1)
    chain.mine(deposited(50))
    await reader.catch_up(chain)
    assert len(reader.seen) == 2
    assert reader.seen[1].rolled_back_to == chain.head.number - 1
    assert [event.queue_index for event in reader.seen[1].events if isinstance(event, Deposited)] == [50]


async def test_a_shorter_branch_is_a_reorg(chain: FakeChain, reader: Reader, autojump_clock: MockClock) -> None:
    await reader.catch_up(chain)
    chain.drop(4)
    chain.mine(deposited(60))
    await reader.catch_up(chain)
    assert reader.amounts == [(4, 0), (5, 1), (6, 60)]


async def test_a_reverted_chain_is_a_reorg_after_some_patience(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    chain.drop(3)
    await reader.catch_up(chain)
    assert reader.seen[-1].rolled_back_to == chain.head.number
    assert reader.amounts == [(4, 0), (5, 1), (6, 2)]


async def test_an_endpoint_that_lags_for_a_moment_is_no_reorg(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    ahead = [chain.blocks.pop(), chain.blocks.pop()]
    looks = 0

    def lag_twice(method: str, result: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 2:
            chain.blocks.extend(reversed(ahead))
            chain.mine(deposited(6))
        return result

    chain.lie = lag_twice
    await reader.read_until(lambda: len(reader.events) == 7)
    assert reader.follower.stats().reorgs == 0


async def test_a_reorg_deeper_than_kept_starts_over_from_the_deployment(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    for index in range(6, KEPT_BLOCKS + 40):
        chain.mine(deposited(index))
    await reader.catch_up(chain)
    chain.drop(KEPT_BLOCKS + 20)
    for index in range(KEPT_BLOCKS + 30):
        chain.mine(deposited(1000 + index))
    await reader.catch_up(chain)
    assert BASE in [update.rolled_back_to for update in reader.seen]
    assert len(reader.events) == 20 + KEPT_BLOCKS + 30
    assert reader.amounts[-1][1] == 1000 + KEPT_BLOCKS + 29


async def test_another_chain_altogether_starts_over(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    chain.drop(len(chain.blocks))
    for _ in range(12):
        chain.mine()
    await reader.catch_up(chain)
    assert reader.events == []
    assert reader.seen[-1].rolled_back_to == BASE


async def test_long_history_is_read_in_few_calls_and_whole(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    for index in range(6, 3000):
        chain.mine(*([deposited(index)] if index % 500 == 0 else []))
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == [*range(6), 500, 1000, 1500, 2000, 2500]
    assert len(chain.calls) < 3 * KEPT_BLOCKS


async def test_refused_ranges_are_halved_until_they_pass(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    for index in range(6, 1500):
        chain.mine(*([deposited(index)] if index % 100 == 0 else []))
    widest = 0

    def refuse_wide(method: str, result: object) -> object:
        nonlocal widest
        query = chain.calls[-1][1][0]
        if method == "eth_getLogs" and isinstance(query, dict) and "fromBlock" in query:
            width = int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1
            if width > 100:
                raise RpcRefused("too wide", rpc_code=-32005, rpc_message="query returned more than 10000 results")
            widest = max(widest, width)
        return result

    chain.lie = refuse_wide
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == [*range(6), *range(100, 1500, 100)]
    assert 50 < widest <= 100


async def test_an_outage_is_waited_for_and_counted(chain: FakeChain, reader: Reader, autojump_clock: MockClock) -> None:
    await reader.catch_up(chain)
    chain.is_down = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_up_again_after, chain, 300.0)
        chain.mine(deposited(6))
        await reader.catch_up(chain)
    assert len(reader.events) == 7
    # Backoff doubles from a quarter of a second to eight: five minutes take some forty tries, not a thousand.
    assert 30 < reader.follower.stats().rpc_errors < 60


async def _up_again_after(chain: FakeChain, seconds: float) -> None:
    await trio.sleep(seconds)
    chain.is_down = False


async def test_an_outage_longer_than_the_window_loses_nothing(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    await reader.catch_up(chain)
    chain.drop(2)
    for index in range(100, 100 + 2 * KEPT_BLOCKS):
        chain.mine(deposited(index))
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == [0, 1, 2, 3, *range(100, 100 + 2 * KEPT_BLOCKS)]


async def test_a_reorg_between_headers_and_logs_is_noticed(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    """The endpoint switches branch after it gave the headers: by-hash queries cannot answer from the new one."""
    has_moved = False

    def move_before_logs(method: str, result: object) -> object:
        nonlocal has_moved
        if method == "eth_getLogs" and not has_moved:
            has_moved = True
            chain.drop(3)
            for index in (70, 71, 72, 73):
                chain.mine(deposited(index))
            raise RpcRefused("unknown block", rpc_code=-32000, rpc_message="unknown block")
        return result

    chain.lie = move_before_logs
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == [0, 1, 2, 70, 71, 72, 73]


async def test_a_log_that_does_not_decode_is_skipped_and_counted(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    chain.mine(deposited(6), deposited(7))
    chain.blocks[-1].logs[0]["data"] = "0x00"
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == [0, 1, 2, 3, 4, 5, 7]
    assert reader.follower.stats().skipped_logs == 1


def _replace(method: str, value: object) -> Callable[[str, object], object]:
    return lambda called, result: value if called == method else result


def _edit_log(**fields: object) -> Callable[[str, object], object]:
    def lie(called: str, result: object) -> object:
        if called != "eth_getLogs" or not isinstance(result, list):
            return result
        return [{**log, **fields} for log in result]

    return lie


LIES = {
    "null head": _replace("eth_getBlockByNumber", None),
    "text head": _replace("eth_getBlockByNumber", "0x10"),
    "head without hash": _replace("eth_getBlockByNumber", {"number": "0x9"}),
    "head with a number": _replace("eth_getBlockByNumber", {"number": 9}),
    "block of another height": _replace(
        "eth_getBlockByNumber",
        {"number": "0x7", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x1"},
    ),
    "logs null": _replace("eth_getLogs", None),
    "logs an object": _replace("eth_getLogs", {}),
    "logs of numbers": _replace("eth_getLogs", [1, 2]),
    "a removed log": _edit_log(removed=True),
    "a log of another contract": _edit_log(address="0x" + "99" * 20),
    "a log of another block": _edit_log(blockHash="0x" + "99" * 32),
    "a log of another height": _edit_log(blockNumber="0x1"),
    "a log with five topics": _edit_log(topics=["0x" + "00" * 32] * 5),
    "a log with a short topic": _edit_log(topics=["0x00"]),
    "a log with odd data": _edit_log(data="0x0"),
    "a log with null data": _edit_log(data=None),
    "a log index with leading zeros": _edit_log(logIndex="0x01"),
    "each log twice": lambda called, result: (
        [*result, *result] if called == "eth_getLogs" and isinstance(result, list) else result
    ),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_lying_endpoint_is_never_believed_nor_fatal(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock, name: str
) -> None:
    chain.lie = LIES[name]
    with pytest.raises(trio.TooSlowError):
        await reader.read_until(lambda: False, seconds=120)
    assert not any(isinstance(event, Deposited) for event in reader.events)
    assert reader.follower.stats().rpc_errors > 3
    chain.lie = lambda _, result: result
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == list(range(6))


async def test_an_endpoint_still_before_the_deployment_is_waited_for(autojump_clock: MockClock) -> None:
    chain = FakeChain(blocks=1)
    reader = Reader(follower_of(chain))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_mine_later, chain)
        await reader.read_until(lambda: len(reader.events) == 1)
    assert reader.follower.stats().rpc_errors > 0


async def _mine_later(chain: FakeChain) -> None:
    await trio.sleep(5)
    for _ in range(3):
        chain.mine()
    chain.mine(deposited(0))


async def test_a_cancelled_read_can_be_taken_up_again(
    chain: FakeChain, reader: Reader, autojump_clock: MockClock
) -> None:
    """A role that stops reading in the middle of a step finds the follower consistent."""
    for index in range(6, 60):
        chain.mine(deposited(index))
    for checkpoints in range(1, 30):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_after, checkpoints, scope)
                await reader.read_until(lambda: False)
    await reader.catch_up(chain)
    assert [index for _, index in reader.amounts] == list(range(60))


async def _cancel_after(checkpoints: int, scope: trio.CancelScope) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_the_chain_does_the_reader_ends_with_its_events(seed: int) -> None:
    """Random mining, reorgs and failing calls, at random moments between the follower's own calls."""
    rng = random.Random(seed)
    chain = FakeChain()
    mined = 0

    def disturb(method: str, result: object) -> object:
        nonlocal mined
        choice = rng.random()
        if mined < 60 and choice < 0.25:
            mined += 1
            if len(chain.blocks) > 6 and choice < 0.08:
                chain.drop(rng.randint(1, min(5, len(chain.blocks) - 4)))
            chain.mine(*(deposited(1000 * mined + i) for i in range(rng.randrange(3))))
        elif mined < 60 and choice > 0.95:
            raise L1Unreachable("lost")
        return result

    async def main() -> None:
        reader = Reader(follower_of(chain))
        chain.lie = disturb
        await reader.read_until(lambda: mined >= 60 and reader.head == chain.head)
        wanted = [log["blockHash"] for block in chain.blocks for log in block.logs]
        assert ["0x" + event.origin.block.hash.hex() for event in reader.events] == wanted

    trio.run(main, clock=MockClock(autojump_threshold=0))
