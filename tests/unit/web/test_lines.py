"""The race as lines: every step of every batch once, undone ones told, the same facts as the page."""

from __future__ import annotations

import json

import pytest

from poe.web.lines import Lines, ether
from poe.web.model import WINDOW_BATCHES
from tests.fakes_web import PAYEES, Watched

A, B = PAYEES[:2]


def test_each_step_is_a_line() -> None:
    watched = Watched()
    lines = Lines(watched.model, as_json=False)
    watched.post(1)
    assert lines.news() == ["      1  posted  block 4, 4 txs, reward 0.001 ETH"]
    watched.clock.now += 1.25
    watched.win(1, A)
    won, final = lines.news()
    assert won == f"      1  proven  by 0x{A.hex()} after 1.2 s"
    assert final == f"      1  final   block 5, 0x{A.hex()} is paid"
    assert lines.news() == []


def test_what_was_seen_at_once_is_timed_by_l1() -> None:
    watched = Watched()
    lines = Lines(watched.model, as_json=False)
    posting = watched.chain.step(*watched.chain.posted(1))
    watched.clock.now += 3
    proof = watched.chain.step(*watched.chain.won(1, A))
    for update in (posting, proof):
        watched.ledger.apply(update)
        watched.standings.apply(update)
        watched.model.apply(update)
    assert any("after 3.0 s" in line for line in lines.news())


def test_what_a_reorg_takes_back_is_told() -> None:
    watched = Watched()
    lines = Lines(watched.model, as_json=False)
    watched.post(1)
    watched.win(1, A)
    lines.news()
    watched.step(back_to=watched.chain.block - 1)
    assert lines.news() == ["      1  undone  by a reorg"]
    watched.win(1, B)
    assert [line.split()[1] for line in lines.news()] == ["proven", "final"]
    watched.step(back_to=watched.chain.block - 3)
    assert lines.news() == ["      1  undone  by a reorg"]


def test_json_lines_hold_the_pages_row() -> None:
    watched = Watched()
    lines = Lines(watched.model, as_json=True)
    watched.post(1, 2)
    told = [json.loads(line) for line in lines.news()]
    assert [(step["step"], step["batch"]["n"]) for step in told] == [("posted", 1), ("posted", 2)]
    assert told[0]["batch"] == watched.row(1)


def test_what_is_remembered_is_bounded() -> None:
    watched = Watched()
    lines = Lines(watched.model, as_json=False)
    for number in range(1, WINDOW_BATCHES + 101):
        watched.post(number)
        lines.news()
    assert len(lines._reached) <= WINDOW_BATCHES


@pytest.mark.parametrize(
    ("wei", "told"), [("0", "0"), ("1", "0.000000000000000001"), (str(10**18), "1"), (str(10**16), "0.01")]
)
def test_ether_is_exact(wei: str, told: str) -> None:
    assert ether(wei) == told
