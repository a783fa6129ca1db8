"""A bounded channel that forgets its oldest message instead of making the sender wait."""

from __future__ import annotations

from typing import Generic, TypeVar

import trio

T = TypeVar("T")

INBOX_MESSAGES = 256


class Inbox(Generic[T]):
    """`put` never blocks and never fails; the reader takes from `channel`."""

    def __init__(self, size: int = INBOX_MESSAGES) -> None:
        self._send, self.channel = trio.open_memory_channel[T](size)
        self._overflow = self.channel.clone()
        self.dropped = 0

    def put(self, message: T) -> None:
        """Deliver a message, dropping the oldest one that nobody has read if there is no room."""
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            self._overflow.receive_nowait()
            self.dropped += 1
            self._send.send_nowait(message)

    def close(self) -> None:
        """End the reader's iteration once it has read what is left."""
        self._send.close()
        self._overflow.close()
