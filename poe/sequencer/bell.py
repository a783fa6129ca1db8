"""Wakes every task that waits for something to have changed."""

from __future__ import annotations

import trio


class Bell:
    """Rung after each change of the pool, the chain or L1; who wakes looks again at what it waits for."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._rung.set()
        self._rung = trio.Event()

    async def wait(self) -> None:
        """Return at the next ring. Look first, then wait, with no `await` in between."""
        await self._rung.wait()
