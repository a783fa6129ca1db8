"""The race on a whole terminal screen, by Textual (the extra `watch`): import this only where that is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import outcome
import trio
from textual.app import App, ComposeResult
from textual.widgets import DataTable, Footer, Static

from poe.web import frames
from poe.web.model import RaceModel

REFRESH_SECONDS = 0.5

Follow = Callable[[Callable[[RaceModel], None]], Awaitable[None]]
"""Follows the race until cancelled (a trio function), and hands over its model once that is there."""


class RaceScreen(App[None]):
    """Standings, batches in flight, latency and health; drawn anew twice a second, from a model fed by trio.

    Trio runs as a guest of Textual's event loop, so that both have one thread and the model is never read half written.
    What ends following ends the screen: `failure` is then the error, None after `q`.
    """

    TITLE = "poe watch"
    BINDINGS: ClassVar[Any] = [("q", "quit", "Quit")]
    CSS = "DataTable { height: auto; margin-bottom: 1; } Static { margin-bottom: 1; }"

    def __init__(self, follow: Follow) -> None:
        super().__init__()
        self.failure: BaseException | None = None
        self._follow_race = follow
        self._model: RaceModel | None = None
        self._scope = trio.CancelScope()
        self._done = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Health on top, then who wins, then what is open."""
        yield Static("connecting to L1 …", id="health", markup=False)
        yield DataTable(id="standings", cursor_type="none")
        yield Static("", id="latency", markup=False)
        yield DataTable(id="flight", cursor_type="none")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to follow and to draw."""
        self._table("standings").add_columns(*frames.STANDINGS)
        self._table("flight").add_columns(*frames.FLIGHT)
        loop = asyncio.get_running_loop()
        trio.lowlevel.start_guest_run(
            self._follow,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=self._note_end,
            host_uses_signal_set_wakeup_fd=True,
        )
        self.set_interval(REFRESH_SECONDS, self.draw)

    async def on_unmount(self) -> None:
        """Stop following, and wait until that has cleaned up."""
        self._scope.cancel()
        await self._done.wait()

    def draw(self) -> None:
        """Show what the model says now."""
        if self._model is None:
            return
        snapshot = self._model.snapshot()
        self.query_one("#health", Static).update(frames.health(snapshot))
        self.query_one("#latency", Static).update(frames.latency(snapshot))
        self._fill("standings", frames.standings(snapshot))
        self._fill("flight", frames.flight(snapshot, self._model.now()))

    async def _follow(self) -> None:
        with self._scope:
            await self._follow_race(self._take)

    def _take(self, model: RaceModel) -> None:
        self._model = model

    def _note_end(self, ended: outcome.Outcome[None]) -> None:
        if isinstance(ended, outcome.Error):
            self.failure = ended.error
        self._done.set()
        self.exit()

    def _table(self, name: str) -> DataTable[str]:
        return self.query_one(f"#{name}", DataTable)

    def _fill(self, name: str, rows: list[tuple[str, ...]]) -> None:
        table = self._table(name)
        table.clear()
        table.add_rows(rows)
