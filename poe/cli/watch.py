"""`poe watch`: the race in a terminal; a whole screen where there is one, lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from cyclopts import App

from poe.cli import market_watch
from poe.cli.addresses import require_addresses
from poe.cli.market_watch import WatchFlags
from poe.config import load_settings
from poe.folder import hold_folder

LOG_FILE = "watch.log"

app = App(name="watch", help="Watch the race in this terminal.")


@app.default
def watch(flags: WatchFlags = WatchFlags()) -> None:
    """Show the race on the whole screen until `q`; with --json, or where output is no terminal, line by line.

    The screen needs the extra `watch` (`pip install 'poe[watch]'`).
    """
    if flags.json or flags.web or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return market_watch.watch(flags)
    if find_spec("textual") is None:
        print("poe: lines only, `pip install 'poe[watch]'` brings the screen", file=sys.stderr)
        return market_watch.watch(flags)
    return show_screen(flags)


def show_screen(flags: WatchFlags) -> None:
    """The screen until `q`; logs go to a file in the data folder meanwhile. PoeError as in other roles."""
    from poe.assembly.market import follow_race
    from poe.web.screen import RaceScreen

    settings = load_settings(flags.config, environment=os.environ, flags=flags.overrides)
    if settings.net.enabled:
        require_addresses(settings)
    folder = Path(settings.data_dir)
    with hold_folder(folder):
        logging.basicConfig(level=logging.WARNING, filename=folder / LOG_FILE, force=True)
        screen = RaceScreen(partial(follow_race, settings))
        screen.run()
        if screen.failure is not None:
            raise screen.failure
