"""The testnet's child processes: each with its own data folder and log, ended cleanly or by force, never orphaned.

A child runs with `--until-stdin-closes`: should the launcher itself be killed, its end of the pipe closes and the
child leaves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import trio

from poe.config import ENVIRONMENT_PREFIX
from poe.errors import ToolError
from poe.status import read_endpoints, read_status

STOP_SECONDS = 8.0
POLL_SECONDS = 0.1


class Child:
    """One role as its own process (and its own process group, so that Ctrl+C reaches only the launcher)."""

    def __init__(self, name: str, data_dir: Path) -> None:
        self.name = name
        self.data_dir = data_dir
        self.log_path = data_dir / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start `poe ARGUMENTS --until-stdin-closes` with its output in the log."""
        with self.log_path.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "poe", *arguments, "--until-stdin-closes"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=_clean_environment(os.environ),
            )

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.poll()

    def status(self) -> dict[str, Any]:
        """What the role last wrote about itself."""
        return read_status(self.data_dir) or {}

    async def endpoints(self, *, seconds: float) -> dict[str, str]:
        """Where it can be reached, once it is up; ToolError when it dies or takes too long."""
        with trio.move_on_after(seconds):
            while self.exit_code is None:
                endpoints = read_endpoints(self.data_dir)
                if endpoints is not None:
                    return endpoints
                await trio.sleep(POLL_SECONDS)
        reason = "did not start in time" if self.exit_code is None else f"ended with exit code {self.exit_code}"
        raise self.lost(reason)

    def lost(self, reason: str) -> ToolError:
        """What to raise when the process is of no more use, with its last word."""
        lines = self.log_path.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
        return ToolError(f"{self.name} {reason}; it said last: {last}", fix=f"see {self.log_path}", code="POE-TOL-004")

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after a grace; returns when it is gone."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await trio.to_thread.run_sync(partial(process.wait, timeout=STOP_SECONDS))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Ours without settings meant for a single node: every child is configured by its file alone."""
    return {name: value for name, value in environment.items() if not name.startswith(ENVIRONMENT_PREFIX)}
