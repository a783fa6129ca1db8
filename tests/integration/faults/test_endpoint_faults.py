"""A prover behind endpoints that fail in every way: it goes on, or sends nothing and says why; its books are L1's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.l1.anvil import Anvil
from tests.integration.faults.proxy import FaultyEndpoint
from tests.integration.faults.rig import Rig, open_rig

pytestmark = pytest.mark.integration


def die(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.is_dead = True


def crawl(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.delay_seconds = 3.0


def ask_for_rest(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.retry_after = 3


def truncate(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.truncates = True


def stand_still(endpoint: FaultyEndpoint, head: int) -> None:
    endpoint.stands_at = head


def hide_logs(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.changes["eth_getLogs"] = lambda params, honest: []


def drop_sends(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.drops_sends = True


def deny_receipts(endpoint: FaultyEndpoint, _: int) -> None:
    endpoint.changes["eth_getTransactionReceipt"] = lambda params, honest: None


def call_receipts_failed(endpoint: FaultyEndpoint, _: int) -> None:
    def failed(params: list[Any], honest: Any) -> Any:
        return None if honest is None else {**honest, "status": "0x0"}

    endpoint.changes["eth_getTransactionReceipt"] = failed


Fault = Callable[[FaultyEndpoint, int], None]
PASSED_OVER: list[Fault] = [die, crawl, ask_for_rest, truncate, drop_sends]
"""What two endpoints get over."""
OUTVOTED: list[Fault] = [stand_still, hide_logs, deny_receipts, call_receipts_failed]
"""What takes three: of two that differ neither is believed."""


async def win_despite(rig: Rig, fault: Fault, *, place: int) -> None:
    fault(rig.endpoints[place], (await rig.anvil.rpc.latest()).number)
    await rig.post()
    await rig.until_final(mines=fault is stand_still)
    rig.endpoints[place].heal()


@pytest.mark.long
async def test_of_two_endpoints_one_may_fail_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_rig(tmp_path, monkeypatch, endpoints=2) as rig:
        for fault in PASSED_OVER:
            await win_despite(rig, fault, place=0)
            await win_despite(rig, fault, place=1)
        await rig.close_the_books()


async def test_of_three_endpoints_one_may_fail_or_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_rig(tmp_path, monkeypatch, endpoints=3) as rig:
        for place, fault in enumerate((hide_logs, die, drop_sends, deny_receipts, stand_still, truncate)):
            await win_despite(rig, fault, place=place % 3)
        await rig.close_the_books()


@pytest.mark.long
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("fault", [*PASSED_OVER, *OUTVOTED], ids=lambda fault: fault.__name__)
async def test_any_of_three_endpoints_may_fail_in_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, place: int
) -> None:
    async with open_rig(tmp_path, monkeypatch, endpoints=3) as rig:
        for _ in range(3):
            await win_despite(rig, fault, place=place)
        await rig.close_the_books()


@pytest.mark.long
async def test_the_only_endpoint_may_fail_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_rig(tmp_path, monkeypatch) as rig:
        for fault in (die, truncate, ask_for_rest, drop_sends):
            fault(rig.endpoints[0], 0)
            await rig.post()
            await trio.sleep(1.0)
            rig.endpoints[0].heal()
            await rig.until_final()
        await rig.close_the_books()


@pytest.mark.parametrize("endpoints", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_a_node_on_a_stale_fork_costs_nothing_and_makes_nothing_flap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, endpoints: int
) -> None:
    """Of three it is outvoted; of two nothing is sent until it is back."""
    async with open_rig(tmp_path, monkeypatch, endpoints=endpoints) as rig:
        await rig.anvil.mine(10)
        fork_point = (await rig.anvil.rpc.latest()).number - 8
        async with Anvil(block_seconds=None, fork_of=(rig.anvil.url, fork_point)) as fork:
            await fork.mine(8)
            caplog.set_level(logging.INFO)
            rig.endpoints[-1].upstream = fork.url
            await rig.until(lambda: "POE-L1-083" in caplog.text if endpoints == 3 else "POE-L1-080" in caplog.text)
            nonce = await rig.nonce()
            await rig.post()
            if endpoints == 3:
                await rig.until_final()
            else:
                await rig.until(lambda: any(row["code"] == "POE-L1-080" for row in rig.status["races"]))
                assert await rig.nonce() == nonce, "no money moves"
                assert rig.status["finalized"] == 1
            rig.endpoints[-1].upstream = rig.anvil.url
            await rig.until_final()
        assert "l1_reorg" not in caplog.text, "the follower stays on its chain"
        await rig.close_the_books()
