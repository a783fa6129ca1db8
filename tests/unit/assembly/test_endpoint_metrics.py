"""What the metrics and the check-up say of each L1 endpoint, by its place and never by its URL."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from prometheus_client import CollectorRegistry

from poe.assembly.doors import show_endpoints
from poe.cli.chain_check import check_endpoints
from poe.cli.findings import State, exit_code
from poe.errors import L1Unreachable, WrongChain
from poe.l1.endpoints import Endpoints
from poe.metrics import Metrics
from tests.fakes_endpoints import Clock, FakeEndpoint, endpoints_over, fork_of
from tests.fakes_l1 import FakeChain


class World:
    """Two endpoints of a chain of 20 blocks."""

    def __init__(self, count: int = 2) -> None:
        self.chain, self.clock = FakeChain(blocks=20), Clock()
        self.members = [FakeEndpoint(name, self.chain) for name in ("alpha", "beta")[:count]]
        self.rpc: Endpoints = endpoints_over(self.clock, *self.members)


async def scraped(metrics: Metrics, name: str, **labels: str) -> Any:
    """As the metrics server reads it: from a thread of its own."""
    return await trio.to_thread.run_sync(metrics.registry.get_sample_value, name, labels)


async def test_each_endpoint_has_its_series_and_the_labels_are_places() -> None:
    world, metrics = World(), Metrics(CollectorRegistry())
    show_endpoints(metrics, world.rpc)
    await world.rpc.require_chain(31337)
    world.members[1].is_down = True
    for _ in range(3):
        world.clock.tick()
        await world.rpc.latest()
    assert [await scraped(metrics, "poe_l1_endpoint_good", endpoint=place) for place in "12"] == [1, 0]
    assert [await scraped(metrics, "poe_l1_endpoint_errors_total", endpoint=place) for place in "12"] == [0, 3]
    assert [await scraped(metrics, "poe_l1_endpoint_head_number", endpoint=place) for place in "12"] == [20, 20]
    assert await scraped(metrics, "poe_l1_rpc_errors_total") == 3
    assert await scraped(metrics, "poe_l1_endpoints_disagree") == 0


async def test_a_disagreement_is_a_metric() -> None:
    world, metrics = World(), Metrics(CollectorRegistry())
    show_endpoints(metrics, world.rpc)
    world.members[1].chain = fork_of(world.chain, depth=6)
    await world.rpc.require_chain(31337)
    assert await scraped(metrics, "poe_l1_endpoints_disagree") == 1


async def test_one_endpoint_is_one_line_of_a_check_up() -> None:
    (found,) = await check_endpoints(World(1).rpc, 31337)
    assert (found.check, found.state) == ("endpoint", State.OK)
    assert found.what == "http://alpha.invalid:8545 serves chain 31337, head 20"


async def test_each_of_two_is_a_line_and_another_tells_that_they_agree() -> None:
    found = await check_endpoints(World().rpc, 31337)
    assert [(one.check, one.state) for one in found] == [
        ("endpoint 1", State.OK),
        ("endpoint 2", State.OK),
        ("agreement", State.OK),
    ]


def _die(world: World) -> None:
    world.members[0].is_down = True


def _serve_another_chain(world: World) -> None:
    world.members[0].served_chain_id = 1


def _stand_still(world: World) -> None:
    world.members[0].stands_at = 1
    world.clock.tick(100)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(_die, "POE-L1-001"), (_serve_another_chain, "POE-L1-002"), (_stand_still, "POE-L1-083")],
)
async def test_one_of_two_that_is_not_right_is_a_warning_with_its_code(fault: Any, code: str) -> None:
    world = World()
    fault(world)
    found = await check_endpoints(world.rpc, 31337)
    assert [(one.check, one.state, one.code) for one in found] == [
        ("endpoint 1", State.WARN, code),
        ("endpoint 2", State.OK, ""),
        ("agreement", State.OK, ""),
    ]
    assert found[0].fix
    assert exit_code(found) == 3


async def test_endpoints_that_disagree_fail_the_check_up() -> None:
    world = World()
    world.members[1].chain = fork_of(world.chain, depth=6)
    found = await check_endpoints(world.rpc, 31337)
    assert [(one.check, one.code) for one in found if one.state is State.FAIL] == [("agreement", "POE-L1-080")]
    assert exit_code(found) == 1
    assert "alpha" in found[-1].what
    assert "hunter2" not in "".join(map(str, found))


async def test_none_that_can_be_used_is_an_error() -> None:
    world = World()
    for member in world.members:
        member.is_down = True
    with pytest.raises(L1Unreachable, match=r"alpha.*beta"):
        await check_endpoints(world.rpc, 31337)
    world = World()
    for member in world.members:
        member.served_chain_id = 1
    with pytest.raises(WrongChain, match=r"alpha.*beta"):
        await check_endpoints(world.rpc, 31337)
