"""Where work runs that would hold up the event loop: native calls in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import trio

Result = TypeVar("Result")


class Offload(Protocol):
    """Runs a blocking function somewhere and gives its result; tests run it in place."""

    async def __call__(self, work: Callable[[], Result]) -> Result: ...


class Threads:
    """Runs so many functions at a time, each in a thread.

    A cancelled caller still waits for its function to return: the functions change state and are short.
    """

    def __init__(self, count: int) -> None:
        self._limiter = trio.CapacityLimiter(count)

    async def __call__(self, work: Callable[[], Result]) -> Result:
        return await trio.to_thread.run_sync(work, limiter=self._limiter)


class OneThread(Threads):
    """Runs one function at a time."""

    def __init__(self) -> None:
        super().__init__(1)
