"""Ctrl+C: before the race it ends everything at once; then the race ends and the run still reports; twice ends all."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

import trio


@dataclass(slots=True)
class Interrupts:
    """What a run and its interrupts know of each other."""

    is_racing: bool = False
    stop: trio.Event = field(default_factory=trio.Event)

    async def watch(
        self, scope: trio.CancelScope, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Set `stop` at a first SIGINT or SIGTERM during the race; cancel `scope` at any other."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                self.interrupt(scope)

    def interrupt(self, scope: trio.CancelScope) -> None:
        """One signal."""
        if self.is_racing and not self.stop.is_set():
            self.stop.set()
        else:
            scope.cancel()
