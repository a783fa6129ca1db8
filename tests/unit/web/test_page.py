"""The live page at work: what L1, gossip, receipts and reports say reaches the model; nothing holds L1 up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from poe.errors import L1Unreachable, ToolError
from poe.l1.interface import ChainUpdate, Receipt
from poe.net.inbox import Inbox
from poe.net.interface import BatchAnnouncement, NetworkStats, ProvingIntent
from poe.rollup.types import BatchNumber, Hash
from poe.web import sources as sources_module
from poe.web.detail import Details
from poe.web.feed import Feed
from poe.web.page import LivePage
from poe.web.site import Site
from poe.web.sources import RETRY_SECONDS
from tests.fakes_l1 import a_batch
from tests.fakes_web import PAYEES, Watched, a_receipt, an_intent, hash_of

Clock = trio.testing.MockClock
A = PAYEES[0]


class Gossip:
    """As much of a network as the page listens to."""

    def __init__(self) -> None:
        self.said, self.told = Inbox[ProvingIntent](10), Inbox[BatchAnnouncement](10)
        self.intents, self.announcements = self.said.channel, self.told.channel
        self.head = 0

    def set_head(self, number: BatchNumber) -> None:
        self.head = number

    def stats(self) -> NetworkStats:
        return NetworkStats(peers=3, mesh_peers=2, accepted=1, ignored=0, rejected=0, bad_frames=0)


class Page:
    """A live page and how to tell it of L1."""

    def __init__(self, read_receipt: Any, gossip: Any = None) -> None:
        self.watched = Watched()
        self.follow: Callable[[ChainUpdate], None] = lambda _: None
        feed = Feed(self.watched.model, run="0" * 16)
        self.live = LivePage(
            model=self.watched.model,
            feed=feed,
            site=Site(feed=feed, details=Details(self.watched.model, read_nothing)),
            network=gossip,
            look_at_l1=lambda: {"head": 7},
            read_receipt=read_receipt,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with self.live.open(host="127.0.0.1", port=0) as (_, self.follow):
            yield

    def post(self, *numbers: int) -> None:
        update = self.watched.chain.step(*self.watched.chain.posted(*numbers))
        self.watched.ledger.apply(update)
        self.watched.standings.apply(update)
        self.follow(update)


async def read_nothing(tx_hash: Hash, number: BatchNumber) -> None:
    return None


async def read_any(tx_hash: Hash) -> Receipt | None:
    await trio.lowlevel.checkpoint()
    return a_receipt(tx_hash)


async def settled(page: Page, holds: Callable[[], bool]) -> None:
    with trio.fail_after(5):
        while not holds():
            await trio.testing.wait_all_tasks_blocked(0.01)


async def test_receipts_are_read_for_what_l1_brings() -> None:
    page = Page(read_any)
    async with page.open():
        page.post(1)
        await settled(page, lambda: page.watched.row(1)["gas"]["post"] is not None)  # type: ignore[index]


async def test_a_receipt_that_cannot_be_read_holds_no_other_up_and_is_tried_again(autojump_clock: Clock) -> None:
    failures, asked = [L1Unreachable("down")], list[Hash]()

    async def read(tx_hash: Hash) -> Receipt | None:
        asked.append(tx_hash)
        if failures:
            raise failures.pop()
        return a_receipt(tx_hash)

    page = Page(read)
    async with page.open():
        page.post(1)
        page.post(2)
        await trio.sleep(RETRY_SECONDS + 0.1)
        assert priced(page) == [1, 2]
    assert asked[0] == asked[2] != asked[1]


async def test_of_more_receipts_than_can_be_read_the_newest_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_module, "WAITING_RECEIPTS", 3)
    may_read = trio.Event()

    async def read(tx_hash: Hash) -> Receipt | None:
        await may_read.wait()
        return a_receipt(tx_hash)

    page = Page(read)
    async with page.open():
        for number in range(1, 11):
            page.post(number)
        assert page.watched.ledger.head()[0] == 10, "L1 was followed meanwhile"
        may_read.set()
        await settled(page, lambda: len(priced(page)) == 3)
    assert priced(page) == [8, 9, 10]


def priced(page: Page) -> list[int]:
    return [row["n"] for row in page.watched.model.snapshot()["batches"] if row["gas"]["post"] is not None]


async def test_gossip_reaches_the_model_and_hears_of_l1s_head() -> None:
    gossip = Gossip()
    page = Page(read_any, gossip)
    async with page.open():
        announcement = BatchAnnouncement(
            number=BatchNumber(1), parent_hash=hash_of(0), batch_hash=hash_of(1), header=a_batch(1).header,
            signature=bytes(65),
        )  # fmt: skip
        gossip.told.put(announcement)
        gossip.said.put(an_intent(1, A))
        page.post(1)
        assert gossip.head == 1
        await settled(page, lambda: bool(page.watched.row(1)["racers"]) and page.watched.row(1)["heard"] is not None)


async def test_the_doors_are_looked_at() -> None:
    page = Page(read_any, Gossip())
    async with page.open():
        await settled(page, lambda: page.watched.model.snapshot()["doors"]["p2p"] is not None)
        doors = page.watched.model.snapshot()["doors"]
        assert (doors["l1"], doors["p2p"]["peers"], doors["p2p"]["mesh_peers"]) == ({"head": 7}, 3, 2)


async def test_a_taken_port_is_told_with_its_setting() -> None:
    first = Page(read_any)
    async with first.live.open(host="127.0.0.1", port=0) as (url, _):
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.RaisesGroup(pytest.RaisesExc(ToolError, match=r"web\.port"), flatten_subgroups=True):
            async with Page(read_any).live.open(host="127.0.0.1", port=port):
                pass
