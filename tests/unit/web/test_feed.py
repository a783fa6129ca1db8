"""Server-sent events: a snapshot first, then only what was missed; nobody's slowness costs others anything."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
import trio

from poe.web.feed import HEARTBEAT_SECONDS, Feed
from tests.fakes_web import PAYEES, Watched, an_intent

Clock = trio.testing.MockClock
RUN = "00112233aabbccdd"
A = PAYEES[0]


def parse(event: bytes) -> tuple[str, str, dict[str, Any]]:
    """Id, name and data of one event."""
    fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return fields.get("id", ""), fields.get("event", ""), json.loads(fields.get("data", "{}"))


async def next_event(events: AsyncGenerator[bytes, None]) -> tuple[str, str, dict[str, Any]]:
    """The next event that is not the first word about retrying."""
    while (event := await anext(events)).startswith(b"retry"):
        pass
    return parse(event)


async def test_a_new_page_gets_a_snapshot_then_changes(autojump_clock: Clock) -> None:
    watched = Watched()
    feed = Feed(watched.model, run=RUN)
    watched.post(1)
    async with aclosing(feed.stream("")) as events:
        told, name, data = await next_event(events)
        assert (told, name) == (f"{RUN}-{watched.model.version}", "snapshot")
        assert [row["n"] for row in data["batches"]] == [1]
        watched.post(2)
        feed.touch()
        told, name, data = await next_event(events)
        assert (told, name) == (f"{RUN}-{watched.model.version}", "update")
        assert [row["n"] for row in data["batches"]] == [2]


async def test_a_page_that_comes_back_is_told_what_it_missed(autojump_clock: Clock) -> None:
    watched = Watched()
    feed = Feed(watched.model, run=RUN)
    watched.post(1)
    version = watched.model.version
    watched.post(2)
    async with aclosing(feed.stream(f"{RUN}-{version}")) as events:
        _, name, data = await next_event(events)
    assert name == "update"
    assert [row["n"] for row in data["batches"]] == [2]


@pytest.mark.parametrize("told", ["", "nonsense", f"{'f' * 16}-1", f"{RUN}-99999", f"{RUN}--1", f"{RUN}-1\n", "é" * 99])
async def test_a_page_of_another_run_or_with_nonsense_gets_a_snapshot(told: str, autojump_clock: Clock) -> None:
    watched = Watched()
    watched.post(1)
    async with aclosing(Feed(watched.model, run=RUN).stream(told)) as events:
        assert (await next_event(events))[1] == "snapshot"


async def test_a_slow_page_gets_everything_in_one_event(autojump_clock: Clock) -> None:
    watched = Watched()
    feed = Feed(watched.model, run=RUN)
    async with aclosing(feed.stream("")) as events:
        await next_event(events)
        for number in range(1, 101):
            watched.post(number)
            feed.touch()
        _, name, data = await next_event(events)
        assert (name, len(data["batches"])) == ("update", 100)


async def test_events_of_a_stream_are_no_closer_than_people_can_see(autojump_clock: Clock) -> None:
    watched = Watched()
    feed = Feed(watched.model, run=RUN)
    times: list[float] = []

    async def listen() -> None:
        async with aclosing(feed.stream("")) as events:
            async for _ in events:
                times.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        for number in range(1, 101):
            watched.post(number)
            feed.touch()
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert 8 <= len(times) <= 14


async def test_heartbeats_come_while_nothing_changes(autojump_clock: Clock) -> None:
    watched = Watched()
    async with aclosing(Feed(watched.model, run=RUN).stream("")) as events:
        await next_event(events)
        before = trio.current_time()
        assert (await next_event(events))[1] == "heartbeat"
        assert trio.current_time() - before == pytest.approx(HEARTBEAT_SECONDS, abs=0.2)


async def test_a_touch_without_a_change_sends_nothing(autojump_clock: Clock) -> None:
    watched = Watched()
    feed = Feed(watched.model, run=RUN)
    async with aclosing(feed.stream("")) as events:
        await next_event(events)
        feed.touch()
        assert (await next_event(events))[1] == "heartbeat"


async def test_streams_are_counted_until_they_end(autojump_clock: Clock) -> None:
    watched = Watched()
    feed = Feed(watched.model, run=RUN, max_streams=1)
    async with aclosing(feed.stream("")) as events:
        await next_event(events)
        assert feed.is_full
    assert not feed.is_full


async def test_data_is_one_line_of_ascii(autojump_clock: Clock) -> None:
    watched = Watched()
    watched.post(1)
    watched.model.hear_intent(an_intent(1, A))
    watched.model.note_doors(l1={"endpoint": "http://h\n\nevent: x\u2028"}, p2p=None)
    async with aclosing(Feed(watched.model, run=RUN).stream("")) as events:
        await anext(events)
        event = await anext(events)
    assert event.isascii()
    assert event.count(b"\n") == 4
