"""Leaving in peace: a prover that drains finishes the races it is in, takes up none, and ends.

It is asked to by a file in its data folder, so by whoever may write there and by nobody from outside.
"""

from __future__ import annotations

from pathlib import Path

import trio

FILE = "drain"
POLL_SECONDS = 0.25
DRAIN_SECONDS = 600.0
"""A race that has not ended by then, such as that of a batch which nobody posts, is given up; its proof is kept."""


def request(data_dir: Path) -> None:
    """Ask the prover of this folder to drain."""
    (data_dir / FILE).touch()


def withdraw(data_dir: Path) -> None:
    """Forget a request, such as one to an earlier process."""
    (data_dir / FILE).unlink(missing_ok=True)


def is_requested(data_dir: Path) -> bool:
    """Does somebody ask?"""
    return (data_dir / FILE).exists()


async def wait_for_request(data_dir: Path) -> None:
    """Return once somebody asks."""
    while not is_requested(data_dir):  # noqa: ASYNC110 (another process makes the file)
        await trio.sleep(POLL_SECONDS)
