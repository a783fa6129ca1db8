"""Several endpoints as one: failover, resting, leaving out, and no sending while they disagree."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from poe.errors import BadAnswer, EndpointsDisagree, L1Unreachable, RpcRefused, WrongChain
from poe.l1.endpoints import Endpoints
from poe.l1.member import Standing
from tests.fakes_endpoints import GENESIS_TIME, Clock, FakeEndpoint, endpoints_over, fork_of
from tests.fakes_l1 import ARBITER, FakeChain, deposited

NAMES = ("alpha", "beta", "gamma")
RAW = "0x02"
TX = "0x" + "77" * 32
LOGS_QUERY = {"address": "0x" + ARBITER.hex(), "fromBlock": "0x0", "toBlock": "0xf"}


class World:
    """A chain of 20 blocks, and `count` endpoints that serve it."""

    def __init__(self, count: int) -> None:
        self.chain = FakeChain(blocks=19)
        self.chain.mine(deposited(0), deposited(1))
        self.clock = Clock()
        self.members = [FakeEndpoint(name, self.chain) for name in NAMES[:count]]
        self.rpc = endpoints_over(self.clock, *self.members)

    async def connected(self) -> Endpoints:
        await self.rpc.require_chain(31337)
        return self.rpc

    async def later(self, seconds: float = 3.0) -> None:
        """Time for the next look."""
        self.clock.tick(seconds)
        await self.rpc.latest()

    @property
    def standings(self) -> list[Standing]:
        return [member.standing for member in self.rpc.members]

    def receipt(self, *, status: int = 1, block: int = 18) -> dict[str, object]:
        return {
            "transactionHash": TX,
            "blockNumber": hex(block),
            "blockHash": "0x" + self.chain.blocks[block].ref.hash.hex(),
            "status": hex(status),
            "gasUsed": "0x9c40",
            "effectiveGasPrice": "0x1",
        }


@pytest.fixture
def two() -> World:
    return World(2)


@pytest.fixture
def three() -> World:
    return World(3)


GOOD, DOWN, BUSY = Standing.GOOD, Standing.DOWN, Standing.BUSY


async def test_the_first_is_asked_and_the_others_only_looked_at(two: World) -> None:
    rpc = await two.connected()
    for _ in range(5):
        await rpc.call("eth_chainId")
    assert two.members[0].calls.count("eth_chainId") == 6
    assert two.members[1].calls.count("eth_chainId") == 1


def _die(endpoint: FakeEndpoint) -> None:
    endpoint.is_down = True


def _ask_for_rest(endpoint: FakeEndpoint) -> None:
    endpoint.busy_seconds = 60.0


def _hang(endpoint: FakeEndpoint) -> None:
    endpoint.slow_seconds = 1000.0


def _truncate(endpoint: FakeEndpoint) -> None:
    def cut(_: object) -> object:
        raise BadAnswer("truncated")

    endpoint.lies = dict.fromkeys(("eth_chainId", "eth_getBlockByNumber", "eth_getLogs"), cut)


@pytest.mark.parametrize("fault", [_die, _ask_for_rest, _hang, _truncate])
async def test_what_one_cannot_answer_another_does_and_the_first_then_rests(
    two: World, fault: Callable[[FakeEndpoint], None], autojump_clock: MockClock
) -> None:
    rpc = await two.connected()
    fault(two.members[0])
    for _ in range(3):
        assert await rpc.call("eth_chainId") == hex(31337)
    asked = len(two.members[0].calls)
    for _ in range(10):
        assert (await rpc.latest()).number == 20
    assert len(two.members[0].calls) == asked, "it rests"
    assert two.standings == [BUSY if fault is _ask_for_rest else DOWN, GOOD]
    assert rpc.endpoint == "http://beta.invalid:8545"
    await rpc.call("eth_sendRawTransaction", RAW)
    assert two.members[1].sent == [RAW]


async def test_a_rest_ends_and_doubles_up_to_a_bound(two: World) -> None:
    rpc = await two.connected()
    two.members[0].is_down = True
    for _ in range(3):
        await rpc.call("eth_chainId")
    rests = []
    for _ in range(8):
        asked, waited = len(two.members[0].calls), 0
        while len(two.members[0].calls) == asked:
            waited += 1
            await two.later(1.0)
        rests.append(waited)
    assert rests[-1] <= 30 + 3, "a bound, and the time between looks"
    assert rests == sorted(rests)
    two.members[0].is_down = False
    for _ in range(34):
        await two.later(1.0)
    assert two.standings == [GOOD, GOOD]


async def test_an_endpoint_that_asks_for_rest_is_left_alone_for_as_long(two: World) -> None:
    rpc = await two.connected()
    two.members[0].busy_seconds = 40.0
    await rpc.call("eth_chainId")
    asked = len(two.members[0].calls)
    for _ in range(13):
        await two.later()
    assert (len(two.members[0].calls), two.standings[0]) == (asked, BUSY)
    two.members[0].busy_seconds = 0.0
    await two.later()
    assert two.standings == [GOOD, GOOD]


async def test_when_all_are_down_all_are_tried_and_the_failure_is_told(two: World) -> None:
    rpc = await two.connected()
    for member in two.members:
        member.is_down = True
    for _ in range(10):
        with pytest.raises(L1Unreachable):
            await rpc.call("eth_chainId")
    two.members[1].is_down = False
    assert await rpc.call("eth_chainId") == hex(31337), "no rest keeps us from the only one that is up"


async def test_a_refusal_is_an_answer_unless_another_may_do_better(two: World) -> None:
    rpc = await two.connected()
    codes = {"code": 3}

    def refuse(_: object) -> object:
        raise RpcRefused("no", rpc_code=codes["code"], rpc_message="no")

    two.members[0].lies["eth_chainId"] = refuse
    with pytest.raises(RpcRefused):
        await rpc.call("eth_chainId")
    codes["code"] = -32005
    assert await rpc.call("eth_chainId") == hex(31337)


async def test_an_endpoint_of_another_chain_is_left_out_and_alone_is_refused(two: World) -> None:
    two.members[0].served_chain_id = 1
    rpc = await two.connected()
    assert two.standings == [Standing.WRONG_CHAIN, GOOD]
    await rpc.call("eth_sendRawTransaction", RAW)
    assert (two.members[0].sent, two.members[1].sent) == ([], [RAW])
    two.members[1].served_chain_id = 1
    with pytest.raises(WrongChain, match=r"alpha.*serves chain 1.*beta"):
        await World.connected(_same(two))


def _same(world: World) -> World:
    world.rpc = endpoints_over(world.clock, *world.members)
    return world


async def test_an_endpoint_that_stands_still_is_left_out_until_it_moves(two: World) -> None:
    rpc = await two.connected()
    two.members[0].stands_at = 20
    for _ in range(30):
        two.chain.mine()
    await two.later(61.0)
    assert two.standings == [Standing.STALE, GOOD]
    assert (await rpc.latest()).number == 50
    await rpc.call("eth_sendRawTransaction", RAW)
    two.members[0].stands_at = None
    await two.later()
    assert two.standings == [GOOD, GOOD]


async def test_of_two_far_apart_whose_heads_are_both_fresh_neither_is_believed(two: World) -> None:
    rpc = await two.connected()
    two.members[0].stands_at = 20
    for _ in range(30):
        two.chain.mine()
    await two.later()
    with pytest.raises(EndpointsDisagree, match=r"alpha.*at block 20.*beta.*at block 50"):
        await rpc.call("eth_sendRawTransaction", RAW)


async def test_two_on_different_forks_send_nothing_say_so_and_go_on_when_they_agree(two: World) -> None:
    rpc = await two.connected()
    two.members[1].chain = fork_of(two.chain, depth=6)
    await two.later()
    with pytest.raises(EndpointsDisagree) as told:
        await rpc.call("eth_sendRawTransaction", RAW)
    text = str(told.value)
    ours, theirs = (member.chain.blocks[17].ref.hash.hex()[:8] for member in two.members)
    assert f"alpha.invalid:8545 is at block 20 and says block 17 is 0x{ours}" in text
    assert f"beta.invalid:8545 is at block 20 and says block 17 is 0x{theirs}" in text
    assert text.startswith("POE-L1-080")
    assert [member.sent for member in two.members] == [[], []]
    assert await rpc.block(17) is not None, "reading goes on"
    assert rpc.endpoint == "http://alpha.invalid:8545"
    two.members[1].chain = two.chain
    await two.later()
    await rpc.call("eth_sendRawTransaction", RAW)
    assert [member.sent for member in two.members] == [[RAW], [RAW]]


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_different_last_blocks_are_no_disagreement(two: World, depth: int) -> None:
    rpc = await two.connected()
    two.members[1].chain = fork_of(two.chain, depth=depth)
    await two.later()
    await rpc.call("eth_sendRawTransaction", RAW)


async def test_a_fork_that_was_left_behind_is_found_though_it_is_short(two: World) -> None:
    """Its last two blocks are others, and the chain went on elsewhere: compared is what both have."""
    rpc = await two.connected()
    two.members[1].chain = fork_of(two.chain, depth=2)
    for _ in range(5):
        two.chain.mine()
    await two.later()
    with pytest.raises(EndpointsDisagree):
        await rpc.call("eth_sendRawTransaction", RAW)


@pytest.mark.parametrize("liar", [0, 1, 2])
async def test_of_three_the_one_on_a_fork_is_left_out_and_the_others_go_on(three: World, liar: int) -> None:
    rpc = await three.connected()
    three.members[liar].chain = fork_of(three.chain, depth=6)
    await three.later()
    assert [place for place, standing in enumerate(three.standings) if standing is Standing.OUTVOTED] == [liar]
    await rpc.call("eth_sendRawTransaction", RAW)
    assert [bool(member.sent) for member in three.members] == [place != liar for place in range(3)]
    block = await rpc.block(17)
    assert block is not None
    assert block.hash == three.chain.blocks[17].ref.hash


@pytest.mark.parametrize("liar", [0, 1, 2])
@pytest.mark.parametrize("head", [0, 2**60])
async def test_a_head_that_nobody_comes_near_hides_no_fork_and_fools_nobody(three: World, liar: int, head: int) -> None:
    rpc = await three.connected()

    def claim(honest: Any) -> object:
        fresh = hex(GENESIS_TIME + 10**6)
        return None if honest is None else {**honest, "number": hex(head), "timestamp": fresh}

    three.members[liar].lies["eth_getBlockByNumber"] = claim
    await three.later()
    assert three.standings[liar] is Standing.OUTVOTED
    assert (await rpc.latest()).number == 20
    other = (liar + 1) % 3
    three.members[other].chain = fork_of(three.chain, depth=6)
    await three.later()
    with pytest.raises(EndpointsDisagree):
        await rpc.call("eth_sendRawTransaction", RAW)


async def test_three_that_say_three_things_are_not_believed(three: World) -> None:
    rpc = await three.connected()
    for depth, member in zip((6, 7), three.members[1:], strict=True):
        member.chain = fork_of(three.chain, depth=depth)
    await three.later()
    with pytest.raises(EndpointsDisagree, match=r"alpha.*beta.*gamma"):
        await rpc.call("eth_sendRawTransaction", RAW)


async def test_a_disagreement_ends_when_all_but_one_are_gone(two: World) -> None:
    rpc = await two.connected()
    two.members[1].chain = fork_of(two.chain, depth=6)
    await two.later()
    assert rpc.dispute
    two.members[0].is_down = True
    for _ in range(3):
        with pytest.raises(L1Unreachable):
            await rpc.call("eth_chainId")
    await two.later()
    assert (rpc.dispute, rpc.endpoint) == ("", "http://beta.invalid:8545")


async def test_a_primary_that_lags_behind_the_others_is_not_asked_first(three: World) -> None:
    rpc = await three.connected()
    three.members[0].stands_at = 20
    for _ in range(2):
        three.chain.mine()
        await three.later()
    assert (await rpc.latest()).number == 22
    assert rpc.endpoint == "http://beta.invalid:8545"
    assert three.standings == [GOOD] * 3


@pytest.mark.parametrize("count", [2, 3])
async def test_one_alone_cannot_make_itself_the_primary_by_a_higher_head(count: int) -> None:
    world = World(count)
    rpc = await world.connected()

    def claim(honest: Any) -> object:
        return {**honest, "number": hex(25)} if honest["number"] == hex(20) else honest

    world.members[1].lies["eth_getBlockByNumber"] = claim
    await world.later()
    assert rpc.endpoint == "http://alpha.invalid:8545"
    assert (await rpc.latest()).number == 20


async def test_disputes_that_nobody_settles_are_forgotten(two: World) -> None:
    rpc = await two.connected()
    for number in range(50):
        tx = "0x" + number.to_bytes(32).hex()
        two.members[0].receipts[tx] = {**two.receipt(), "transactionHash": tx}
        await rpc.call("eth_getTransactionReceipt", tx)
        two.clock.tick(31.0)
        with pytest.raises(EndpointsDisagree):
            await rpc.call("eth_getTransactionReceipt", tx)
        two.clock.tick(31.0)
    assert rpc.dispute == ""
    assert max(len(rpc._disputes), len(rpc._ties)) <= 10


async def test_a_head_a_little_lower_after_a_failover_is_not_told(two: World) -> None:
    rpc = await two.connected()
    two.members[1].stands_at = 18
    assert (await rpc.latest()).number == 20
    two.members[0].is_down = True
    for _ in range(5):
        assert (await rpc.latest()).number == 20, "held: the same chain, a little behind"
    two.chain.mine()
    two.members[1].stands_at = None
    assert (await rpc.latest()).number == 21


async def test_a_lower_head_of_the_same_endpoint_is_told(two: World) -> None:
    rpc = await two.connected()
    await rpc.latest()
    two.chain.drop(5)
    assert (await rpc.latest()).number == 15


async def test_one_that_lied_before_may_break_a_tie(three: World) -> None:
    rpc = await three.connected()
    query = {"address": "0x" + ARBITER.hex(), "blockHash": "0x" + three.chain.head.hash.hex()}
    for liar in three.members[:2]:
        liar.lies["eth_getLogs"] = _drop_logs
        found: Any = await rpc.call("eth_getLogs", query)
        assert len(found) == 2
        del liar.lies["eth_getLogs"]
    assert three.standings == [Standing.OUTVOTED, Standing.OUTVOTED, GOOD]
    await rpc.call("eth_sendRawTransaction", RAW)


def _drop_logs(_: object) -> object:
    return []


@pytest.mark.parametrize("liar", [0, 1, 2])
async def test_of_three_the_one_that_hides_logs_is_outvoted(three: World, liar: int) -> None:
    rpc = await three.connected()
    three.members[liar].lies["eth_getLogs"] = _drop_logs
    query = {"address": "0x" + ARBITER.hex(), "blockHash": "0x" + three.chain.head.hash.hex()}
    for _ in range(2):
        found: Any = await rpc.call("eth_getLogs", query)
        assert len(found) == 2
    assert three.standings[liar] is Standing.OUTVOTED
    await rpc.call("eth_sendRawTransaction", RAW)
    assert three.members[liar].sent == []


async def test_a_third_that_is_slow_with_logs_does_not_hide_that_two_disagree(
    three: World, autojump_clock: MockClock
) -> None:
    """Else whoever hides logs has only to wait until some honest endpoint is slow."""
    rpc = await three.connected()
    three.members[0].lies = {"eth_getLogs": _drop_logs}
    three.members[2].slow_seconds = 4.0
    query = {"address": "0x" + ARBITER.hex(), "blockHash": "0x" + three.chain.head.hash.hex()}
    with pytest.raises(EndpointsDisagree, match="0 logs"):
        await rpc.call("eth_getLogs", query)


async def test_two_with_different_logs_of_one_block_stop_reading_and_sending(
    two: World, caplog: pytest.LogCaptureFixture
) -> None:
    rpc = await two.connected()
    two.members[1].lies["eth_getLogs"] = _drop_logs
    query = {"address": "0x" + ARBITER.hex(), "blockHash": "0x" + two.chain.head.hash.hex()}
    with caplog.at_level(logging.ERROR), pytest.raises(EndpointsDisagree, match=r"alpha.* says 2 logs.*beta.* 0 logs"):
        await rpc.call("eth_getLogs", query)
    assert "POE-L1-080" in caplog.text
    with pytest.raises(EndpointsDisagree):
        await rpc.call("eth_sendRawTransaction", RAW)
    del two.members[1].lies["eth_getLogs"]
    assert len(await rpc.call("eth_getLogs", query)) == 2  # type: ignore[arg-type]
    await rpc.call("eth_sendRawTransaction", RAW)


async def test_logs_of_a_block_that_one_has_not_seen_yet_are_the_others(two: World) -> None:
    rpc = await two.connected()
    two.members[1].stands_at = 19
    query = {"address": "0x" + ARBITER.hex(), "blockHash": "0x" + two.chain.head.hash.hex()}
    two.members[1].lies["eth_getLogs"] = _drop_logs  # what nodes answer that do not hold a block
    assert len(await rpc.call("eth_getLogs", query)) == 2  # type: ignore[arg-type]
    assert rpc.dispute == ""


async def test_malformed_logs_are_nobodys_vote(two: World) -> None:
    rpc = await two.connected()
    two.members[0].lies["eth_getLogs"] = lambda _: [{"address": "0x12"}]
    found: Any = await rpc.call("eth_getLogs", LOGS_QUERY)
    assert found == []
    assert two.standings == [Standing.OUTVOTED, GOOD]


async def test_a_receipt_counts_when_both_have_it(two: World) -> None:
    rpc = await two.connected()
    two.members[0].receipts[TX] = two.receipt()
    assert await rpc.call("eth_getTransactionReceipt", TX) is None, "one hears of it before the other"
    two.members[1].receipts[TX] = two.receipt()
    assert await rpc.call("eth_getTransactionReceipt", TX) == two.receipt()


@pytest.mark.parametrize("lie", ["none", "failed", "another block"])
async def test_two_that_stay_at_odds_about_a_receipt_are_told_and_nothing_is_sent(two: World, lie: str) -> None:
    rpc = await two.connected()
    two.members[0].receipts[TX] = two.receipt()
    if lie != "none":
        two.members[1].receipts[TX] = two.receipt(status=0) if lie == "failed" else two.receipt(block=17)
    for _ in range(10):
        assert await rpc.call("eth_getTransactionReceipt", TX) is None
        two.clock.tick(3.0)
    with pytest.raises(EndpointsDisagree, match=r"alpha.* says succeeded in block 18"):
        await rpc.call("eth_getTransactionReceipt", TX)
    with pytest.raises(EndpointsDisagree):
        await rpc.call("eth_sendRawTransaction", RAW)
    two.members[1].receipts[TX] = two.receipt()
    assert await rpc.call("eth_getTransactionReceipt", TX) == two.receipt()
    await rpc.call("eth_sendRawTransaction", RAW)


async def test_a_dispute_about_a_receipt_ends_when_nobody_asks_any_more(two: World) -> None:
    rpc = await two.connected()
    two.members[0].receipts[TX] = two.receipt()
    await rpc.call("eth_getTransactionReceipt", TX)
    two.clock.tick(31.0)
    with pytest.raises(EndpointsDisagree):
        await rpc.call("eth_getTransactionReceipt", TX)
    two.clock.tick(31.0)
    await rpc.call("eth_sendRawTransaction", RAW)


@pytest.mark.parametrize("liar", [0, 1, 2])
@pytest.mark.parametrize("is_mined", [True, False])
async def test_of_three_two_decide_about_a_receipt(three: World, liar: int, is_mined: bool) -> None:
    rpc = await three.connected()
    for place, member in enumerate(three.members):
        if is_mined != (place == liar):
            member.receipts[TX] = three.receipt()
    assert await rpc.call("eth_getTransactionReceipt", TX) == (three.receipt() if is_mined else None)
    assert three.standings == [GOOD] * 3, "a receipt may change: being slow with it is no lie"


async def test_a_transaction_goes_to_all_and_one_that_takes_it_is_enough(two: World) -> None:
    rpc = await two.connected()
    two.members[0].refuses_sends = "nonce too low"
    assert await rpc.call("eth_sendRawTransaction", RAW) == "0x" + "11" * 32
    two.members[1].refuses_sends = "already known"
    with pytest.raises(RpcRefused, match="nonce too low"):
        await rpc.call("eth_sendRawTransaction", RAW)


async def test_a_transaction_that_nobody_answered_may_be_out(two: World) -> None:
    rpc = await two.connected()
    for member in two.members:
        member.is_down = True
    with pytest.raises(L1Unreachable):
        await rpc.call("eth_sendRawTransaction", RAW)


async def test_a_slow_endpoint_holds_up_no_answer_for_long(two: World, autojump_clock: MockClock) -> None:
    rpc = await two.connected()
    two.members[1].slow_seconds = 1000.0
    before = trio.current_time()
    found: Any = await rpc.call("eth_getLogs", {**LOGS_QUERY, "toBlock": "0x14"})
    assert len(found) == 2
    assert trio.current_time() - before <= 2.0


async def test_no_secret_of_a_url_is_ever_said(two: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        rpc = await two.connected()
        two.members[1].chain = fork_of(two.chain, depth=6)
        await two.later()
        with pytest.raises(EndpointsDisagree) as told:
            await rpc.require_agreement()
        two.members[0].is_down = True
        for _ in range(3):
            with pytest.raises(L1Unreachable):
                await rpc.call("eth_chainId")
    said = caplog.text + str(told.value) + repr(rpc.members) + rpc.endpoint
    assert "alpha" in said
    assert not {"hunter2", "s3cret", "operator"} & set(
        said.replace("/", " ").replace(":", " ").replace("@", " ").split()
    )


async def test_counters_are_those_of_all(two: World) -> None:
    rpc = await two.connected()
    two.members[0].is_down = True
    await rpc.call("eth_chainId")
    assert rpc.errors == 1
    assert rpc.answered_at == max(member.answered_at for member in two.members)
    rpc.close()
