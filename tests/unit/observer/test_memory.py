"""Memory goes back to the system, and asking for that twice does no harm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poe.observer.memory import give_back_memory


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_freed_between_what_is_kept_goes_back() -> None:
    """Blocks too small to be mapped one by one; the last stays, so that the heap cannot simply shrink."""
    held = [bytes(64 * 1024) + b"x" for _ in range(1024)]
    last = held[-1]
    del held
    before = resident_pages()
    give_back_memory()
    assert resident_pages() <= before
    assert last.endswith(b"x")


def test_a_system_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back_memory()
