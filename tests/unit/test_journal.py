"""The journal: what was written is there after any end, damage is noticed, nobody shares a folder."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.errors import JournalError
from poe.journal import FILE, FORMAT, Journal, peek

OURS = b"arbiter 0x01 chain 1 prover"
PROOF = "proof"


def reopen(folder: Path) -> Journal:
    return Journal.open(folder, identity=OURS)


def code_of(folder: Path, identity: bytes = OURS) -> str:
    with pytest.raises(JournalError) as refused:
        Journal.open(folder, identity=identity)
    assert "\n" not in str(refused.value)
    return refused.value.code


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"2", b"second")
        journal.put(PROOF, b"1", b"first")
        journal.put("send", b"1", b"another kind")
    with reopen(tmp_path) as journal:
        assert journal.items(PROOF) == [(b"1", b"first"), (b"2", b"second")]
        assert journal.get("send", b"1") == b"another kind"


def test_a_record_is_replaced_and_forgotten(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"old")
        journal.put(PROOF, b"1", b"new")
        assert journal.get(PROOF, b"1") == b"new"
        journal.delete(PROOF, b"1")
        journal.delete(PROOF, b"never there")
        assert journal.get(PROOF, b"1") is None


def write_two_and_fail(journal: Journal) -> None:
    with journal.together():
        journal.put(PROOF, b"1", b"first")
        with journal.together():
            journal.put(PROOF, b"2", b"second")
        _ = 1 // 0


def test_writes_made_together_happen_all_or_not_at_all(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        with pytest.raises(ZeroDivisionError):
            write_two_and_fail(journal)
        assert journal.items(PROOF) == []
        with journal.together():
            journal.put(PROOF, b"1", b"first")
            journal.put(PROOF, b"2", b"second")
        assert len(journal.items(PROOF)) == 2


@settings(max_examples=25, deadline=None)
@given(records=st.dictionaries(st.binary(max_size=8), st.binary(max_size=300), max_size=6))
def test_any_bytes_come_back_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, records: dict[bytes, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    with reopen(folder) as journal:
        for key, body in records.items():
            journal.put(PROOF, key, body)
    with reopen(folder) as journal:
        assert dict(journal.items(PROOF)) == records


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    with reopen(tmp_path):
        assert code_of(tmp_path) == "POE-JNL-001"
    reopen(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code_of(tmp_path / "file" / "folder") == "POE-JNL-002"


def test_a_journal_of_another_node_is_refused_and_kept(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"first")
    assert code_of(tmp_path, identity=b"arbiter 0x02") == "POE-JNL-003"
    with reopen(tmp_path) as journal:
        assert journal.get(PROOF, b"1") == b"first"


def test_a_journal_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    reopen(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    assert code_of(tmp_path) == "POE-JNL-004"


def flip(path: Path, wanted: bytes) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(wanted)
    data[at] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_costs_the_record_it_is_in_and_no_other(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"the first body")
        journal.put(PROOF, b"2", b"the second body")
    flip(tmp_path / FILE, b"the first body")
    with reopen(tmp_path) as journal:
        assert journal.items(PROOF) == [(b"2", b"the second body")]
        assert journal.dropped == 1
        assert journal.get(PROOF, b"1") is None
        assert journal.dropped == 1, "dropped for good"


def test_a_record_cannot_be_passed_off_under_another_key(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"body")
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE record SET key = ? WHERE kind = ?", (b"2", PROOF))
    connection.close()
    with reopen(tmp_path) as journal:
        assert journal.items(PROOF) == []


@pytest.mark.parametrize("damage", [b"", b"not a database" * 100])
def test_a_file_that_is_no_journal_is_refused_by_name_and_left_alone(tmp_path: Path, damage: bytes) -> None:
    reopen(tmp_path).close()
    path = tmp_path / FILE
    if not damage:
        whole = path.read_bytes()
        damage = whole[:100] + bytes(len(whole) - 100)
    path.write_bytes(damage)
    with pytest.raises(JournalError, match=r"journal\.sqlite") as refused:
        reopen(tmp_path)
    assert refused.value.code == "POE-JNL-005"
    assert path.read_bytes() == damage


def test_a_torn_log_heals_to_the_last_good_record(tmp_path: Path) -> None:
    """The newest records are in SQLite's log alone; its tail is cut as a power loss cuts it."""
    journal = reopen(tmp_path)
    journal.put(PROOF, b"1", b"first")
    journal.put(PROOF, b"2", b"second")
    log, copy = tmp_path / f"{FILE}-wal", tmp_path / "copy"
    copy.mkdir()
    (copy / FILE).write_bytes((tmp_path / FILE).read_bytes())
    (copy / log.name).write_bytes(log.read_bytes()[:-1000])
    journal.close()
    with reopen(copy) as healed:
        assert healed.items(PROOF) == [(b"1", b"first")]
        healed.put(PROOF, b"2", b"second again")


def test_a_full_disk_is_one_clear_error_and_keeps_what_was_there(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"first")
        (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match="full"):
            journal.put(PROOF, b"2", bytes(100_000))
        assert journal.items(PROOF) == [(b"1", b"first")]


def test_several_threads_may_write(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:

        def write(thread: int) -> None:
            for i in range(20):
                journal.put(PROOF, b"%d-%d" % (thread, i), b"body")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(journal.items(PROOF)) == 80


WRITER = """
import sys
from pathlib import Path
from poe.journal import Journal
journal = Journal.open(Path(sys.argv[1]), identity=b"killed")
count = 0
while True:
    with journal.together():
        journal.put("a", b"%06d" % count, b"x" * 500)
        journal.put("b", b"%06d" % count, b"y" * 500)
    print(count, flush=True)
    count += 1
"""


@pytest.mark.parametrize("writes", [0, 3, 40])
def test_a_process_killed_at_any_moment_loses_nothing_it_had_told_of(tmp_path: Path, writes: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(writes + 1)]
        process.send_signal(signal.SIGKILL)
    with Journal.open(tmp_path, identity=b"killed") as journal:
        first, second = journal.items("a"), journal.items("b")
    assert len(first) >= told[-1] + 1
    assert [key for key, _ in first] == [key for key, _ in second] == [b"%06d" % i for i in range(len(first))]
    assert journal.dropped == 0


@pytest.mark.parametrize("is_running", [True, False])
def test_anybody_may_look_at_the_records_whether_their_owner_runs_or_not(tmp_path: Path, is_running: bool) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"first")
        journal.put("send", b"1", b"another kind")
        if is_running:
            assert peek(tmp_path, PROOF) == [(b"1", b"first")]
    if not is_running:
        assert peek(tmp_path, PROOF) == [(b"1", b"first")]


def test_a_look_neither_shows_nor_drops_a_damaged_record(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"the first body")
        journal.put(PROOF, b"2", b"the second body")
    flip(tmp_path / FILE, b"the first body")
    before = (tmp_path / FILE).read_bytes()
    assert peek(tmp_path, PROOF) == [(b"2", b"the second body")]
    assert (tmp_path / FILE).read_bytes() == before


def test_a_look_into_a_folder_without_a_journal_makes_none(tmp_path: Path) -> None:
    with pytest.raises(JournalError) as refused:
        peek(tmp_path, PROOF)
    assert refused.value.code == "POE-JNL-005"
    assert list(tmp_path.iterdir()) == []
