"""`poe market watch`: the race as it happens, in lines or on a live page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path  # noqa: F401 (cyclopts resolves the inherited annotations here)
from typing import Annotated, Any

from cyclopts import Parameter

from poe.cli.bounds import require_between
from poe.cli.run import RunFlags, run_role

PAGE_PORT = 9380
WATCH_FOLDER = "poe-watch"


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFlags(RunFlags):
    """What watching takes besides.

    Parameters
    ----------
    web
        Serve the live page on this machine instead of printing lines.
    port
        The page's port.
    peer
        Multiaddress with peer id of a node to join gossip through: the page then shows who says that it proves what.
    json
        Print one JSON object a step.
    """

    web: Annotated[bool, Parameter(negative="")] = False
    port: int = PAGE_PORT
    peer: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    json: Annotated[bool, Parameter(negative="")] = False

    @property
    def overrides(self) -> dict[str, Any]:
        """The flags as settings; without a file a watcher has a folder of its own, so that it may run beside a node."""
        mine: dict[str, Any] = {"web.enabled": True, "web.port": self.port} if self.web else {}
        if self.config is None:
            mine |= {"net.enabled": bool(self.peer), "data_dir": str(self.data_dir or WATCH_FOLDER)}
        if self.peer:
            mine |= {"net.enabled": True, "net.bootstrap": list(self.peer)}
        return {**super(WatchFlags, self).overrides, **mine}


def watch(flags: WatchFlags = WatchFlags()) -> None:
    """Tell of every batch as it is posted, proven and final, line by line or on a live page, until Ctrl+C."""
    from poe.assembly.market import tell_race
    from poe.assembly.observer import run_observer

    require_between("port", flags.port, 0, 65535)
    role = run_observer if flags.web else partial(tell_race, say=partial(print, flush=True), as_json=flags.json)
    run_role(role, flags)
