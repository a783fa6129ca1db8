"""Server-sent events: a snapshot, then what changed, at most a few times a second, for as long as a page listens.

An event's id is the run of this process and the model's version. A page that comes back with one is told only what it
missed; one from another run, or from too long ago, gets a snapshot.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from typing import Any

import trio

from poe.web.model import RaceModel

MAX_STREAMS = 32
SHORTEST_SECONDS = 0.1
"""Between two events of one stream: more often than a person can see helps nobody."""
HEARTBEAT_SECONDS = 5.0
RETRY_MILLISECONDS = 1000

_ID = re.compile(r"([0-9a-f]{8,32})-([0-9]{1,12})")


class Feed:
    """Tells pages what the model holds. Whoever changes the model calls `touch`."""

    def __init__(self, model: RaceModel, *, run: str, max_streams: int = MAX_STREAMS) -> None:
        self._model = model
        self._run = run
        self._max_streams = max_streams
        self._changed = trio.Event()
        self.streams = 0

    @property
    def is_full(self) -> bool:
        """Do as many pages listen as we serve?"""
        return self.streams >= self._max_streams

    def touch(self) -> None:
        """Wake the streams: the model may have changed."""
        self._changed.set()
        self._changed = trio.Event()

    async def stream(self, last_event_id: str) -> AsyncGenerator[bytes, None]:
        """Events for one page, the first at once; heartbeats while nothing changes."""
        self.streams += 1
        try:
            version = self._version_of(last_event_id)
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            while True:
                changed = self._changed
                if version != self._model.version:
                    version, event = self._event_after(version)
                    yield event
                    await trio.sleep(SHORTEST_SECONDS)
                    continue
                with trio.move_on_after(HEARTBEAT_SECONDS) as patience:
                    await changed.wait()
                if patience.cancelled_caught:
                    yield b"event: heartbeat\ndata: {}\n\n"
        finally:
            self.streams -= 1

    def _version_of(self, last_event_id: str) -> int | None:
        """The version a page already has, as far as this process can tell."""
        found = _ID.fullmatch(last_event_id)
        return int(found[2]) if found and found[1] == self._run else None

    def _event_after(self, version: int | None) -> tuple[int, bytes]:
        """The version reached and the event that leads there."""
        changes = None if version is None else self._model.changes(version)
        if changes is None:
            return self._model.version, self._encode("snapshot", self._model.snapshot())
        return self._model.version, self._encode("update", changes)

    def _encode(self, name: str, value: dict[str, Any]) -> bytes:
        value = {**value, "now": round(self._model.now(), 3)}
        body = json.dumps(value, separators=(",", ":"))  # ASCII, and so without line ends
        return f"id: {self._run}-{self._model.version}\nevent: {name}\ndata: {body}\n\n".encode()
