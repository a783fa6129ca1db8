"""How every role runs from the command line: logs to stderr, a clean stop on SIGINT and SIGTERM."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from poe.config import LogSettings, Settings, load_settings

Role = Callable[[Settings], Awaitable[None]]


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event text."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logs(settings: LogSettings) -> None:
    """Our own loggers at the chosen level, everybody else's from warnings up, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if settings.format == "json" else text)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("poe").setLevel(settings.level.upper())


def run_role(role: Role, *, config: Path | None, until_stdin_closes: bool, flags: dict[str, Any]) -> None:
    """Load settings, run the role until a signal (or the end of stdin), then let it clean up."""
    settings = load_settings(config, environment=os.environ, flags=flags)
    configure_logs(settings.log)
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    trio.run(_run_until_told, role, settings, until_stdin_closes)


async def _run_until_told(role: Role, settings: Settings, until_stdin_closes: bool) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_on_signal, nursery.cancel_scope)
        if until_stdin_closes:
            nursery.start_soon(_cancel_on_end_of_stdin, nursery.cancel_scope)
        await role(settings)
        nursery.cancel_scope.cancel()


async def _cancel_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def _cancel_on_end_of_stdin(scope: trio.CancelScope) -> None:
    async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
        while await stdin.receive_some(4096):
            pass
    scope.cancel()
