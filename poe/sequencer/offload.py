"""Where work runs that would hold up the event loop: one native call at a time in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import trio

Result = TypeVar("Result")


class Offload(Protocol):
    """Runs a blocking function somewhere and gives its result; tests run it in place."""

    async def __call__(self, work: Callable[[], Result]) -> Result: ...


class OneThread:
    """Runs one function at a time in a thread.

    A cancelled caller still waits for its function to return: the functions change state and are short.
    """

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(1)

    async def __call__(self, work: Callable[[], Result]) -> Result:
        return await trio.to_thread.run_sync(work, limiter=self._limiter)
