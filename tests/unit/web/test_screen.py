"""The terminal's screen and its tables: what they show of a race, and how the screen ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import trio

from poe.errors import L1Unreachable
from poe.web import frames
from poe.web.model import RaceModel
from tests.fakes_web import PAYEES, Watched, an_intent

pytest.importorskip("textual")

from textual.widgets import DataTable, Static

from poe.web.screen import RaceScreen

A, B = PAYEES[:2]
L1 = {"head": 9, "head_age": 3, "errors": 2}


def a_race() -> Watched:
    """A has won two, B one; batch 4 is open and B says that it proves it."""
    watched = Watched()
    for number, payee in enumerate((A, A, B), 1):
        watched.post(number)
        watched.clock.now += number
        watched.win(number, payee)
    watched.post(4)
    watched.model.hear_intent(an_intent(4, B))
    watched.model.note_doors(l1=L1, p2p=None)
    return watched


def test_standings_rank_by_wins_with_shares_as_bars() -> None:
    first, second = frames.standings(a_race().model.snapshot())
    assert first[1:4] == ("2", "66.7%", frames.bar(2 / 3))
    assert second[1:3] == ("1", "33.3%")
    assert len(first[3]) == 2 * len(second[3]) - 1 == 13
    assert first[0].startswith("0x" + A.hex()[:6])


def test_an_open_batch_names_its_age_and_who_proves_it_until_that_runs_out() -> None:
    watched = a_race()
    watched.clock.now += 5
    (row,) = frames.flight(watched.model.snapshot(), watched.clock.now)
    assert (row[0], row[2]) == ("4", "5 s ago")
    assert row[3].startswith("0x" + B.hex()[:6])
    (late,) = frames.flight(watched.model.snapshot(), watched.clock.now + 300)
    assert late[3] == "nobody says so"


def test_latency_tells_median_and_tail() -> None:
    assert frames.latency(Watched().model.snapshot()) == "latency: no proof yet"
    assert frames.latency(a_race().model.snapshot()) == "posted to proven: 2.0 s median, 2.9 s p95 (last 3)"


def test_health_tells_of_l1_gossip_and_the_backlog() -> None:
    told = frames.health(a_race().model.snapshot())
    assert told.splitlines()[0] == "L1: head 9, 3 s old, 2 errors · gossip: off (--peer)"
    assert told.splitlines()[1].startswith("batches: 3 final, 1 behind")


class Following:
    """A race that the screen follows as it would follow L1's; tells whether it was cleaned up."""

    def __init__(self) -> None:
        self.watched = a_race()
        self.is_cleaned_up = False

    async def __call__(self, show: Callable[[RaceModel], None]) -> None:
        try:
            show(self.watched.model)
            await trio.sleep_forever()
        finally:
            self.is_cleaned_up = True


def table(screen: RaceScreen, name: str) -> list[list[str]]:
    found = screen.query_one(f"#{name}", DataTable)
    return [[str(cell) for cell in found.get_row_at(index)] for index in range(found.row_count)]


async def _play(following: Following) -> None:
    screen = RaceScreen(following)
    async with screen.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        screen.draw()
        assert [row[1] for row in table(screen, "standings")] == ["2", "1"]
        assert [row[0] for row in table(screen, "flight")] == ["4"]
        assert "3 final" in str(screen.query_one("#health", Static).render())
        following.watched.win(4, B)
        screen.draw()
        assert sorted(row[1] for row in table(screen, "standings")) == ["2", "2"]
        assert table(screen, "flight") == []
        await pilot.press("q")
    assert screen.failure is None


def test_the_screen_follows_the_race_and_q_ends_both() -> None:
    following = Following()
    asyncio.run(_play(following))
    assert following.is_cleaned_up


def test_an_l1_that_fails_ends_the_screen_with_its_error() -> None:
    async def fail(show: Callable[[RaceModel], None]) -> None:
        raise L1Unreachable("nobody there")

    async def play() -> BaseException | None:
        screen = RaceScreen(fail)
        async with screen.run_test() as pilot:
            await pilot.pause()
            await screen._done.wait()
        return screen.failure

    assert isinstance(asyncio.run(play()), L1Unreachable)
