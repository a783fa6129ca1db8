"""`poe watch`: a screen only where there is one."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from poe.cli import market_watch, watch
from poe.cli.market_watch import WatchFlags


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command chose to show."""
    told: list[str] = []
    monkeypatch.setattr(watch, "show_screen", lambda flags: told.append("screen"))
    monkeypatch.setattr(market_watch, "watch", lambda flags: told.append("lines"))
    return told


def run(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, has_textual: bool = True, **flags: Any) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(watch, "find_spec", lambda name: object() if has_textual else None)
    watch.watch(WatchFlags(**flags))


def test_a_terminal_gets_the_screen(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, is_terminal=True)
    assert shown == ["screen"]


@pytest.mark.parametrize("flags", [{"json": True}, {"web": True}])
def test_programs_and_pages_get_what_market_watch_gives(
    shown: list[str], monkeypatch: pytest.MonkeyPatch, flags: dict[str, bool]
) -> None:
    run(monkeypatch, is_terminal=True, **flags)
    assert shown == ["lines"]


def test_a_pipe_gets_lines(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, is_terminal=False)
    assert shown == ["lines"]


def test_without_the_extra_there_are_lines_and_a_way_out(
    shown: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, is_terminal=True, has_textual=False)
    assert shown == ["lines"]
    assert "poe[watch]" in capsys.readouterr().err
