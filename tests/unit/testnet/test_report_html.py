"""The report as a page and as CSV: whole in one file, every text escaped, the same figures as the JSON."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

import pytest

from poe.testnet.report_html import BATCH_COLUMNS, as_csv, as_html


def a_batch(number: int, **facts: Any) -> dict[str, Any]:
    return {
        "number": number, "txs": 4, "winner": "0xaa", "winner_name": "prover-1", "proof_seconds": 0.5 + number,
        "margin_seconds": None, "posted_to_accepted_seconds": 2, "reward_wei": 10**16, "posted_block": 5,
        "accepted_block": 7, "finalized_block": 7, "posted_tx": "0x01", "l1_tx": "0x02", **facts,
    }  # fmt: skip


def a_report(**facts: Any) -> dict[str, Any]:
    prover = {"name": "prover-1", "payee": "0xaa", "won": 2, "finished": 3, "late": 0, "cancelled": 1, "failed": 0}
    return {
        "finalized": 2, "hhi": 1.0, "executed_tps": 3.0, "proven_tps": 2.5, "wasted_proof_seconds": 1.25,
        "winner_share": {"0xaa": 1.0}, "provers": [{**prover, "wasted_core_seconds": 0.5}],
        "batches": [a_batch(1), a_batch(2, margin_seconds=0.25)], "settings": {"provers": 1, "shape": "4x5"}, **facts,
    }  # fmt: skip


class Tags(HTMLParser):
    """The tags and attributes of a page, and whether every tag that must be closed is."""

    VOID = ("meta", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def tags_of(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_the_page_stands_alone() -> None:
    tags = tags_of(as_html(a_report()))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tags.seen}
    assert not [attrs for _, attrs in tags.seen if {"src", "href", "onclick"} & set(attrs)]
    assert [tag for tag, _ in tags.seen].count("svg") == 2


def test_the_page_tells_what_the_report_does() -> None:
    page = as_html(a_report())
    for told in ("A race of 2 batches", "prover-1", "100 %", "1.25 core seconds", "<td>0.25</td>", "<td>–</td>"):
        assert told in page


def test_markup_in_names_is_text() -> None:
    report = a_report()
    hostile = '<script>alert("x")</script>'
    report["provers"][0]["name"] = hostile
    report["batches"][0]["winner_name"] = hostile
    page = as_html(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    tags_of(page)


@pytest.mark.parametrize(
    "facts", [{"batches": [], "winner_share": {}, "hhi": None, "finalized": 0}, {"provers": []}, {"settings": {}}]
)
def test_a_run_that_came_to_little_is_a_page_all_the_same(facts: dict[str, Any]) -> None:
    tags_of(as_html(a_report(**facts)))


def test_csv_has_a_line_a_batch_with_every_column() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(a_report()))))
    assert [row["number"] for row in rows] == ["1", "2"]
    assert tuple(rows[0]) == BATCH_COLUMNS
    assert (rows[0]["margin_seconds"], rows[1]["margin_seconds"]) == ("", "0.25")
