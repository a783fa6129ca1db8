"""How every role runs from the command line: logs to stderr, a clean stop on SIGINT and SIGTERM."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from cyclopts import Parameter

from poe.cli.addresses import require_addresses
from poe.config import RELOADABLE, LogSettings, Reloads, Settings, changed_settings, load_settings
from poe.errors import PoeError
from poe.folder import hold_folder

if TYPE_CHECKING:
    import trio

log = logging.getLogger("poe.cli.run")

Role = Callable[[Settings], Awaitable[None]]
Result = TypeVar("Result")


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


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunFlags:
    """What every role takes on the command line; everything else is in the settings file.

    Parameters
    ----------
    config
        TOML file with the settings; see `poe config show`.
    data_dir
        Folder for the node's state; overrides `data_dir`.
    rpc_url
        Ethereum JSON-RPC endpoint, or several separated by commas; overrides `l1.rpc_url`.
    arbiter
        Address of the arbiter contract; overrides `l1.arbiter`.
    until_stdin_closes
        Also stop when standard input ends, for supervisors.
    """

    config: Path | None = None
    data_dir: Path | None = None
    rpc_url: str | None = None
    arbiter: str | None = None
    until_stdin_closes: Annotated[bool, Parameter(negative="")] = False

    @property
    def overrides(self) -> dict[str, Any]:
        """The flags as settings."""
        return {
            "data_dir": None if self.data_dir is None else str(self.data_dir),
            "l1.rpc_url": self.rpc_url,
            "l1.arbiter": self.arbiter,
        }


def run_role(role: Role, flags: RunFlags, reloads: Reloads | None = None) -> None:
    """Load settings, run the role until a signal (or the end of stdin), then let it clean up.

    SIGHUP reads the settings again: the log's level changes at once, `reloads` hears of the rest.
    """
    import trio

    settings = load_settings(flags.config, environment=os.environ, flags=flags.overrides)
    configure_logs(settings.log)
    if settings.net.enabled:
        require_addresses(settings)
    with hold_folder(Path(settings.data_dir)):
        reload = Reload(flags, settings, reloads or Reloads())
        trio.run(_run_until_told, role, settings, reload, flags.until_stdin_closes)


class Reload:
    """Reads the settings again and tells what came of it; bad ones change nothing."""

    def __init__(self, flags: RunFlags, settings: Settings, reloads: Reloads) -> None:
        self._flags = flags
        self._settings = settings
        """In force: what needs a restart stays as it was at the start."""
        self._reloads = reloads

    def __call__(self) -> None:
        """Take over what a running node can take over, and name the rest."""
        try:
            new = load_settings(self._flags.config, environment=os.environ, flags=self._flags.overrides)
        except PoeError as error:
            log.error("settings_not_reloaded reason=%r", str(error))
            return
        changed = changed_settings(self._settings, new)
        waiting = [name for name in changed if name not in RELOADABLE]
        if waiting:
            log.warning("settings_need_restart names=%s", ",".join(waiting))
        logging.getLogger("poe").setLevel(new.log.level.upper())
        self._reloads.tell(new)
        self._settings = _with_reloaded(self._settings, new)
        log.info("settings_reloaded names=%s", ",".join(name for name in changed if name in RELOADABLE))


def _with_reloaded(before: Settings, after: Settings) -> Settings:
    """The settings in force after a reload."""
    for name in RELOADABLE:
        section, field = name.split(".")
        value = getattr(getattr(after, section), field)
        part = msgspec.structs.replace(getattr(before, section), **{field: value})
        before = msgspec.structs.replace(before, **{section: part})
    return before


def run_native(function: Callable[[], Result]) -> Result:
    """Call a long native function aside, so that Ctrl+C ends the command at once instead of after it."""
    import trio

    async def call() -> Result:
        return await trio.to_thread.run_sync(function, abandon_on_cancel=True)

    return trio.run(call)


async def _run_until_told(role: Role, settings: Settings, reload: Reload, until_stdin_closes: bool) -> None:
    import trio

    async with trio.open_nursery() as nursery:
        await nursery.start(_cancel_on_signal, nursery.cancel_scope)
        await nursery.start(_reload_on_hangup, reload)
        if until_stdin_closes:
            nursery.start_soon(_cancel_on_end_of_stdin, nursery.cancel_scope)
        await role(settings)
        nursery.cancel_scope.cancel()


async def _cancel_on_signal(scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
    import trio

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            return


async def _reload_on_hangup(reload: Reload, task_status: trio.TaskStatus[None]) -> None:
    import trio

    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            reload()


async def _cancel_on_end_of_stdin(scope: trio.CancelScope) -> None:
    import trio

    async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
        while await stdin.receive_some(4096):
            pass
    scope.cancel()
