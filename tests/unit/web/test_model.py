"""The read model: a page that follows the changes holds exactly what a fresh page is given, whatever L1 does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from poe.net.interface import BatchAnnouncement
from poe.rollup.types import BatchNumber
from poe.web.model import KEPT_REMOVALS, LIVE_SECONDS, WINDOW_BATCHES
from tests.fakes_l1 import (
    PARAMETERS,
    REWARD,
    a_batch,
    accepted,
    alarm_raised,
    awarded,
    contends,
    exit_mode_entered,
    forced_transaction,
)
from tests.fakes_web import PAYEES, START, Watched, a_receipt, an_intent, hash_of, root_after

A, B, C = PAYEES[:3]


def follow(page: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """What a browser makes of an update."""
    rows = {row["n"]: row for row in page["batches"] if row["n"] not in changes["removed"]}
    rows |= {row["n"]: row for row in changes["batches"]}
    parts = {name: value for name, value in changes.items() if name not in ("batches", "removed")}
    return {**page, **parts, "batches": [rows[number] for number in sorted(rows)][-WINDOW_BATCHES:], "removed": []}


def test_a_posted_batch_is_open_and_nobody_won() -> None:
    watched = Watched()
    watched.post(1)
    row = watched.row(1)
    assert (row["proof"], row["final"], row["racers"], row["margin"]) == (None, None, [], None)
    assert row["reward"] == str(REWARD)
    assert row["posted"]["seen"] == START  # type: ignore[index]


def test_a_winner_is_told_with_its_account() -> None:
    watched = Watched()
    watched.post(1)
    watched.clock.now += 1.5
    watched.win(1, B)
    row, snapshot = watched.row(1), watched.model.snapshot()
    assert row["proof"]["payee"] == "0x" + B.hex()  # type: ignore[index]
    assert row["proof"]["seen"] - row["posted"]["seen"] == 1.5  # type: ignore[index]
    assert [(entry["address"], entry["wins"], entry["rewards"]) for entry in snapshot["accounts"]] == [
        ("0x" + B.hex(), 1, str(REWARD))
    ]
    assert snapshot["heights"] == {"sequenced": 1, "final": 1}
    assert snapshot["market"]["nakamoto"] == 1


def test_what_happened_before_we_watched_has_no_time_of_ours() -> None:
    watched = Watched()
    old = watched.chain.step(*watched.chain.posted(1))
    watched.clock.now += LIVE_SECONDS + 1
    watched.ledger.apply(old)
    watched.standings.apply(old)
    watched.model.apply(old)
    assert watched.row(1)["posted"]["seen"] is None  # type: ignore[index]


def test_an_undone_win_is_taken_back_with_its_money() -> None:
    watched = Watched()
    watched.post(1)
    watched.win(1, A)
    block = watched.chain.block
    watched.step(back_to=block - 1)
    snapshot = watched.model.snapshot()
    assert watched.row(1)["proof"] is None
    assert (snapshot["accounts"], snapshot["market"]["wins"]) == ([], 0)


def test_a_posting_undone_by_a_reorg_leaves_the_page() -> None:
    watched = Watched()
    watched.post(1)
    page, version = watched.model.snapshot(), watched.model.version
    watched.post(2)
    page, version = follow(page, watched.model.changes(version) or {}), watched.model.version
    watched.step(back_to=watched.chain.block - 1)
    changes = watched.model.changes(version)
    assert changes is not None
    assert changes["removed"] == [2]
    assert follow(page, changes)["batches"] == watched.model.snapshot()["batches"]


def test_only_what_changed_is_told() -> None:
    watched = Watched()
    watched.post(1, 2, 3)
    version = watched.model.version
    watched.model.hear_intent(an_intent(2, A))
    changes = watched.model.changes(version)
    assert changes is not None
    assert [row["n"] for row in changes["batches"]] == [2]
    assert set(changes) == {"batches", "removed"}


def test_nothing_new_is_no_new_version() -> None:
    watched = Watched()
    watched.post(1)
    watched.model.hear_intent(an_intent(1, A))
    version = watched.model.version
    watched.model.hear_intent(an_intent(1, A))
    watched.model.note_doors(l1={"head": 1}, p2p=None)
    watched.model.note_doors(l1={"head": 1}, p2p=None)
    assert watched.model.version == version + 1


def test_a_version_of_the_future_or_the_far_past_asks_for_a_snapshot() -> None:
    watched = Watched()
    watched.post(1)
    assert watched.model.changes(watched.model.version + 1) is None
    for _ in range(KEPT_REMOVALS + 2):
        watched.post(2)
        watched.step(back_to=watched.chain.block - 1)
    assert watched.model.changes(1) is None, "removals since then are forgotten: the page would keep a ghost"


def test_the_window_is_bounded_and_older_batches_can_still_be_asked_for() -> None:
    watched = Watched()
    for number in range(1, WINDOW_BATCHES + 51):
        watched.post(number)
    batches = watched.model.snapshot()["batches"]
    assert [batches[0]["n"], batches[-1]["n"], len(batches)] == [51, WINDOW_BATCHES + 50, WINDOW_BATCHES]
    row = watched.model.row(BatchNumber(1))
    assert row is not None
    assert row["n"] == 1


def test_a_late_change_of_an_old_batch_does_not_bring_it_back() -> None:
    watched = Watched()
    for number in range(1, WINDOW_BATCHES + 11):
        watched.post(number)
    watched.win(1, A)
    assert watched.model.snapshot()["batches"][0]["n"] == 11


def test_gas_comes_with_receipts_and_is_split_among_the_proofs_of_a_transaction() -> None:
    watched = Watched()
    (posting,) = watched.post(1)
    landing, _ = {*watched.win(1, A)}, watched.model.price(a_receipt(posting, gas=95_000))
    for tx_hash in landing:
        watched.model.price(a_receipt(tx_hash, gas=280_000))
    gas = watched.row(1)["gas"]
    assert gas["post"]["used"] == 95_000  # type: ignore[index]
    assert gas["proof"] == {"used": 280_000, "wei": str(280_000 * 10**9), "together": 1}  # type: ignore[index]


def test_a_receipt_of_a_stranger_changes_nothing() -> None:
    watched = Watched()
    watched.post(1)
    version = watched.model.version
    watched.model.price(a_receipt(hash_of(9)))
    assert watched.model.version == version


def test_gossip_ahead_of_l1_is_told_as_sealed_until_l1_orders_it() -> None:
    watched = Watched()
    header = a_batch(1).header
    watched.model.hear_announcement(
        BatchAnnouncement(
            number=BatchNumber(1), parent_hash=hash_of(0), batch_hash=hash_of(1), header=header, signature=bytes(65)
        )
    )
    assert [entry["n"] for entry in watched.model.snapshot()["sealed"]] == [1]
    watched.clock.now += 0.4
    watched.post(1)
    assert watched.model.snapshot()["sealed"] == []
    assert watched.row(1)["heard"] == START


def test_the_end_of_the_rollup_is_told() -> None:
    watched = Watched()
    watched.step(forced_transaction(0))
    watched.step(exit_mode_entered(0, root_after(0)))
    assert watched.model.snapshot()["ended"] == {"block": watched.chain.block, "batch": 0}
    assert watched.model.snapshot()["queue"] == 1


def test_under_a_policy_the_award_pays_and_not_finality() -> None:
    watched = Watched(parameters=replace(PARAMETERS, policy=C))
    watched.post(1)
    watched.win(1, A)
    watched.model.price(a_receipt(*watched.take(contends(1, root_after(0), B))))
    entries = {entry["address"]: entry for entry in watched.model.snapshot()["accounts"]}
    assert all(entry["wins"] == 0 for entry in entries.values())
    watched.take(awarded(1, B))
    (best, *_) = watched.model.snapshot()["accounts"]
    assert (best["address"], best["wins"], best["rewards"]) == ("0x" + B.hex(), 1, str(REWARD))


def test_an_alarm_is_told_until_l1_takes_it_back() -> None:
    watched = Watched()
    watched.post(1)
    watched.win(1, A)
    watched.take(alarm_raised(1, root_after(0), root_after(1), 77, payee=B))
    assert watched.model.snapshot()["alarm"] == {"batch": 1}
    watched.take(back_to=watched.chain.block - 1)
    assert watched.model.snapshot()["alarm"] is None


def test_a_proof_on_another_root_is_neither_a_win_nor_in_the_way() -> None:
    watched = Watched()
    watched.post(1)
    watched.step(accepted(1, 123, 456, payee=C))
    watched.win(1, A)
    assert watched.row(1)["proof"]["payee"] == "0x" + A.hex()  # type: ignore[index]
    wins = {entry["address"]: entry["wins"] for entry in watched.model.snapshot()["accounts"]}
    assert wins["0x" + A.hex()] == 1
    assert wins.get("0x" + C.hex(), 0) == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(1, 3)),
        st.tuples(st.just("win"), st.integers(0, 3)),
        st.tuples(st.just("back"), st.integers(1, 4)),
        st.tuples(st.just("say"), st.integers(0, 3)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_following_the_changes_ends_where_a_fresh_snapshot_begins(steps: list[tuple[str, int]]) -> None:
    watched = Watched()
    page, version = watched.model.snapshot(), watched.model.version
    for kind, value in steps:
        do(watched, kind, value)
        if kind == "look":
            page, version = follow(page, watched.model.changes(version) or {}), watched.model.version
    changes = watched.model.changes(version)
    assert changes is not None
    assert follow(page, changes) == watched.model.snapshot()
    json.dumps(page)


def do(watched: Watched, kind: str, value: int) -> None:
    """One step of a random race."""
    head, final = watched.ledger.head()[0], watched.ledger.finalized_number
    if kind == "post":
        for unpriced in watched.post(*range(head + 1, head + 1 + value)):
            watched.model.price(a_receipt(unpriced))
    elif kind == "win" and final < head:
        watched.win(final + 1, PAYEES[value], submitter=PAYEES[0], tip=value)
    elif kind == "back" and watched.chain.block > 3 + value:
        watched.step(back_to=watched.chain.block - value)
    elif kind == "say" and head:
        watched.model.hear_intent(an_intent(head, PAYEES[value]))
