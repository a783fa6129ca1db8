"""Announcing: one content a number and parent, on disk before it is signed, whatever becomes of the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.errors import JournalError, NetError
from poe.journal import FILE, Journal
from poe.net.interface import BatchAnnouncement
from poe.rollup.types import BatchNumber, Hash
from poe.sequencer import announcer
from poe.sequencer.announcer import FORGOTTEN_NUMBERS, Announcer, Signed
from poe.sequencer.chain import SealedBatch
from tests.fakes_net import make_batch

A, B = Hash(b"a" * 32), Hash(b"b" * 32)
FIRST, SECOND = Hash(b"1" * 32), Hash(b"2" * 32)


def open_journal(folder: Path) -> Journal:
    return Journal.open(folder, identity=b"sequencer")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as opened:
        yield opened


def signed_of(journal: Journal, *, head: int = 0, has_seat: bool = False) -> Signed:
    return Signed(journal, head=BatchNumber(head), has_seat=has_seat)


def claim(signed: Signed, number: int, parent: Hash, content: Hash) -> bool:
    return signed.claim(BatchNumber(number), parent, content)


def test_a_place_takes_one_content_as_often_as_one_likes_and_no_other(journal: Journal) -> None:
    signed = signed_of(journal)
    claims = [claim(signed, 5, A, content) for content in (FIRST, FIRST, SECOND, FIRST)]
    assert claims == [True, True, False, True]


def test_another_number_or_parent_is_another_place(journal: Journal) -> None:
    signed = signed_of(journal)
    assert claim(signed, 5, A, FIRST)
    assert claim(signed, 5, B, SECOND)
    assert claim(signed, 6, A, SECOND)


def test_what_was_signed_is_known_after_a_restart(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert claim(signed_of(journal), 5, A, FIRST)
    with open_journal(tmp_path) as journal:
        signed = signed_of(journal, head=4, has_seat=True)
        assert not claim(signed, 5, A, SECOND)
        assert claim(signed, 5, A, FIRST)
        assert claim(signed, 6, FIRST, SECOND)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from((A, B)), st.sampled_from((FIRST, SECOND)))))
def test_no_order_of_claims_and_restarts_ever_yields_two_contents_for_one_place(
    tmp_path_factory: pytest.TempPathFactory, claims: list[tuple[int, Hash, Hash]]
) -> None:
    folder = tmp_path_factory.mktemp("signed")
    allowed: dict[tuple[int, Hash], set[Hash]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(announcer, "KEPT", 3)
        for start in range(0, len(claims), 4):
            with open_journal(folder) as journal:
                signed = signed_of(journal, has_seat=start > 0)
                for number, parent, content in claims[start : start + 4]:
                    if claim(signed, number, parent, content):
                        allowed.setdefault((number, parent), set()).add(content)
    assert all(len(contents) == 1 for contents in allowed.values())


def test_forgetting_the_oldest_places_closes_their_numbers(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "KEPT", 3)
    signed = signed_of(journal)
    for number in (4, 2, 5, 3):
        assert claim(signed, number, A, FIRST)
    assert (signed.floor, len(journal.items(announcer.KIND))) == (2, 3)
    assert not claim(signed, 2, A, FIRST)
    assert not claim(signed, 1, B, FIRST)
    assert claim(signed, 3, A, FIRST)
    assert signed_of(journal).floor == 2


def test_an_account_with_a_seat_and_no_journal_signs_nothing_near_l1s_head(journal: Journal) -> None:
    signed = signed_of(journal, head=10, has_seat=True)
    assert not claim(signed, 10 + FORGOTTEN_NUMBERS, A, FIRST)
    assert claim(signed, 11 + FORGOTTEN_NUMBERS, A, FIRST)


def test_where_l1_has_ordered_nothing_only_its_first_batch_can_have_been_signed(journal: Journal) -> None:
    signed = signed_of(journal, head=0, has_seat=True)
    assert not claim(signed, 1, A, FIRST)
    assert claim(signed, 2, A, FIRST)


def test_an_account_that_had_no_seat_when_its_journal_began_signs_from_the_first_batch_on(journal: Journal) -> None:
    assert signed_of(journal, head=10, has_seat=False).floor == 0
    assert signed_of(journal, head=10, has_seat=True).floor == 0


def damage(folder: Path, kind: str) -> None:
    with sqlite3.connect(folder / FILE) as connection:
        assert connection.execute("UPDATE record SET body = x'00' WHERE kind = ?", (kind,)).rowcount
    connection.close()


@pytest.mark.parametrize("kind", [announcer.KIND, announcer.FLOOR_KIND])
def test_damaged_records_close_every_number_that_they_may_have_been_about(tmp_path: Path, kind: str) -> None:
    with open_journal(tmp_path) as journal:
        assert claim(signed_of(journal), 5, A, FIRST)
    damage(tmp_path, kind)
    with open_journal(tmp_path) as journal:
        signed = signed_of(journal, head=4, has_seat=True)
        assert not claim(signed, 5, A, SECOND)
        assert not claim(signed, 4 + FORGOTTEN_NUMBERS, A, SECOND)
    with open_journal(tmp_path) as journal:
        assert signed_of(journal, head=4, has_seat=True).floor == 4 + FORGOTTEN_NUMBERS


def test_a_record_damaged_while_we_run_closes_its_place_for_good(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        signed = signed_of(journal)
        assert claim(signed, 5, A, FIRST)
        damage(tmp_path, announcer.KIND)
        assert [claim(signed, 5, A, content) for content in (SECOND, FIRST, SECOND)] == [False] * 3
        assert claim(signed, 6, A, SECOND)


class Journaled:
    """A network and a signer that note what was on disk when they were asked."""

    def __init__(self, journal: Journal, refusal: NetError | None = None) -> None:
        self._journal = journal
        self.refusal = refusal
        self.on_disk_when_signed: list[int] = []
        self.announced: list[BatchAnnouncement] = []

    def sign(self, announcement: BatchAnnouncement) -> BatchAnnouncement:
        self.on_disk_when_signed.append(len(self._journal.items(announcer.KIND)))
        return replace(announcement, signature=bytes(65))

    async def announce(self, announcement: BatchAnnouncement) -> None:
        self.announced.append(announcement)
        if self.refusal is not None:
            raise self.refusal


def sealed_batch(number: int, seed: int, parent: Hash = A) -> SealedBatch:
    return SealedBatch(
        number=BatchNumber(number),
        parent_hash=parent,
        batch=make_batch(seed),
        batch_hash=Hash(bytes([seed]) * 32),
        outcomes=(),
        exits=(),
        root=None,
        queue_start=0,
        queue_end=0,
    )


def announcer_of(journal: Journal, network: Any, sign: Any = None) -> Announcer:
    return Announcer(network=network, signed=signed_of(journal), sign=sign or network.sign)


async def test_a_batch_is_on_disk_before_it_is_signed_and_told_once(journal: Journal) -> None:
    network, sealed = Journaled(journal), sealed_batch(1, 1)
    telling = announcer_of(journal, network)
    for _ in range(3):
        await telling.announce(sealed)
    assert network.on_disk_when_signed == [1]
    (told,) = network.announced
    assert (told.number, told.parent_hash, told.batch_hash) == (1, A, sealed.batch_hash)
    assert told.header == sealed.batch.header


async def test_a_second_content_for_a_place_is_never_signed(journal: Journal) -> None:
    network = Journaled(journal)
    telling = announcer_of(journal, network)
    for seed in (1, 2, 3, 1):
        await telling.announce(sealed_batch(1, seed))
    assert [told.batch_hash[0] for told in network.announced] == [1, 1]


async def test_nothing_is_signed_when_it_could_not_be_written_down(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise JournalError("the disk is full")

    network = Journaled(journal)
    telling = announcer_of(journal, network)
    monkeypatch.setattr(Journal, "put", refuse)
    with pytest.raises(JournalError):
        await telling.announce(sealed_batch(1, 1))
    assert (network.on_disk_when_signed, network.announced) == ([], [])


async def test_gossip_that_fails_is_not_tried_again(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    network = Journaled(journal, refusal=NetError("no peers"))
    telling, sealed = announcer_of(journal, network), sealed_batch(1, 1)
    await telling.announce(sealed)
    await telling.announce(sealed)
    assert len(network.announced) == 1
    assert "batch_not_announced number=1" in caplog.text


@pytest.mark.parametrize("fails", [False, True])
async def test_a_head_start_is_waited_for_after_a_batch_is_told_and_only_then(
    journal: Journal, autojump_clock: trio.testing.MockClock, fails: bool
) -> None:
    async def refuse(_: object) -> None:
        raise NetError("no peers")

    network, sealed = Journaled(journal), sealed_batch(1, 1)
    if fails:
        network.announce = refuse  # type: ignore[method-assign, assignment]
    telling = Announcer(network=network, signed=signed_of(journal), sign=network.sign, head_start_seconds=5.0)  # type: ignore[arg-type]
    begun = trio.current_time()
    await telling.announce(sealed)
    await telling.announce(sealed)
    assert trio.current_time() - begun == pytest.approx(0.0 if fails else 5.0)


async def test_without_gossip_nothing_is_signed(journal: Journal) -> None:
    telling = announcer_of(journal, None, sign=lambda _: pytest.fail("signed"))
    await telling.announce(sealed_batch(1, 1))
    assert journal.items(announcer.KIND) == []
