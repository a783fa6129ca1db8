"""What every Network promises, asked of the real one on loopback and of the one in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from poe.errors import NetError
from poe.net.interface import BodySource, Network
from poe.net.validation import Rules
from poe.rollup.batch import batch_hash
from poe.rollup.types import BatchNumber
from tests.fakes_net import (
    DOMAIN,
    SHAPE,
    FakeHub,
    SequencerKey,
    make_batch,
    make_intent,
    recover,
    serve,
    until,
)
from tests.nodes_net import open_mesh

KEY = SequencerKey()
RULES = Rules(domain=DOMAIN, shape=SHAPE, recover=recover)
SECONDS = 10
INBOX = 4


@asynccontextmanager
async def fake_networks(tmp_path: Path, sources: list[BodySource]) -> AsyncIterator[list[Network]]:
    hub = FakeHub(RULES)
    nodes = [hub.join(source, inbox_messages=INBOX) for source in sources]
    for node in nodes:
        node.set_sequencers([KEY.address], due=[KEY.address])
    yield list(nodes)


@asynccontextmanager
async def real_networks(tmp_path: Path, sources: list[BodySource]) -> AsyncIterator[list[Network]]:
    async with open_mesh(tmp_path, *sources, inbox_messages=INBOX, fetch_seconds=1.5) as nodes:
        yield list(nodes)


@pytest.fixture(params=[fake_networks, real_networks], ids=["memory", "libp2p"])
def networks(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., object]:
    """Opens networks, one for each body source."""
    return lambda *sources: request.param(tmp_path, list(sources))


async def test_an_announcement_reaches_all_others_and_not_its_sender(networks) -> None:
    announcement = KEY.announce(1, make_batch(1))
    async with networks(serve(), serve(), serve()) as (sender, *others):
        await sender.announce(announcement)
        with trio.fail_after(SECONDS):
            for node in others:
                assert await node.announcements.receive() == announcement
        with pytest.raises(trio.WouldBlock):
            sender.announcements.receive_nowait()
        assert [node.stats().accepted for node in others] == [1, 1]


async def test_an_announcement_is_delivered_once_however_often_it_is_sent(networks) -> None:
    announcement, last = KEY.announce(1, make_batch(1)), KEY.announce(2, make_batch(2))
    async with networks(serve(), serve(), serve()) as (sender, relay, reader):
        for node in (sender, sender, relay):
            await node.announce(announcement)
        await sender.announce(last)
        with trio.fail_after(SECONDS):
            assert [(await reader.announcements.receive()).number for _ in range(2)] == [1, 2]
        with pytest.raises(trio.WouldBlock):
            reader.announcements.receive_nowait()


async def test_a_contradiction_is_delivered_and_counted(networks) -> None:
    async with networks(serve(), serve()) as (sender, reader):
        for seed in (1, 2):
            await sender.announce(KEY.announce(1, make_batch(seed)))
        with trio.fail_after(SECONDS):
            hashes = {(await reader.announcements.receive()).batch_hash for _ in range(2)}
        assert hashes == {batch_hash(make_batch(1)), batch_hash(make_batch(2))}
        assert reader.stats().equivocations == 1


async def test_an_announcement_that_peers_would_reject_is_not_sent(networks) -> None:
    async with networks(serve(), serve()) as (sender, _):
        with pytest.raises(NetError, match="signer"):
            await sender.announce(SequencerKey(2).announce(1, make_batch(1)))


async def test_numbers_far_from_the_head_are_ignored_until_the_head_moves(networks) -> None:
    async with networks(serve(), serve()) as (sender, reader):
        await sender.announce(KEY.announce(500, make_batch(1)))
        await until(lambda: reader.stats().ignored == 1)
        reader.set_head(BatchNumber(500))
        await sender.announce(KEY.announce(501, make_batch(2)))
        with trio.fail_after(SECONDS):
            assert (await reader.announcements.receive()).number == 501


async def test_an_intent_reaches_the_others(networks) -> None:
    intent = make_intent(3)
    async with networks(serve(), serve()) as (sender, reader):
        await sender.tell_intent(intent)
        with trio.fail_after(SECONDS):
            assert await reader.intents.receive() == intent


async def test_a_reader_that_sleeps_loses_the_oldest_and_blocks_nobody(networks) -> None:
    async with networks(serve(), serve()) as (sender, reader):
        for number in range(1, 8):
            await sender.announce(KEY.announce(number, make_batch(number)))
            await until(lambda number=number: reader.stats().accepted == number)
        assert reader.stats().dropped == 3
        with trio.fail_after(SECONDS):
            assert [(await reader.announcements.receive()).number for _ in range(INBOX)] == [4, 5, 6, 7]


async def test_a_body_comes_from_whoever_has_it(networks) -> None:
    batch = make_batch(9)
    async with networks(serve(), serve(), serve(9)) as (asker, *_):
        assert await asker.fetch_body(BatchNumber(9), batch_hash(batch)) == batch


async def test_a_body_of_another_hash_is_no_answer(networks) -> None:
    async with networks(serve(), serve(9)) as (asker, _):
        with pytest.raises(NetError) as caught:
            await asker.fetch_body(BatchNumber(9), batch_hash(make_batch(8)))
        assert caught.value.code == "POE-NET-001"


async def test_a_body_that_nobody_has_is_an_error_in_time(networks) -> None:
    async with networks(serve(), serve(1)) as (asker, _):
        with trio.fail_after(SECONDS), pytest.raises(NetError):
            await asker.fetch_body(BatchNumber(9), batch_hash(make_batch(9)))
