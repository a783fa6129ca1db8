"""The journal: what was written is there after any end, damage is noticed, nobody shares a folder."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe import journal as journal_module
from poe.errors import JournalError, ToolError
from poe.folder import hold_folder
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
    with reopen(tmp_path), pytest.raises(ToolError, match="POE-TOL-009"):
        reopen(tmp_path)
    reopen(tmp_path).close()


def test_whoever_holds_the_folder_opens_its_journal_and_keeps_the_folder(tmp_path: Path) -> None:
    with hold_folder(tmp_path):
        Journal.open(tmp_path, identity=OURS, is_held=True).close()
        with pytest.raises(ToolError, match="POE-TOL-009"):
            reopen(tmp_path)
    reopen(tmp_path).close()


def test_a_journal_that_is_refused_lets_go_of_its_folder(tmp_path: Path) -> None:
    reopen(tmp_path).close()
    assert code_of(tmp_path, identity=b"another") == "POE-JNL-003"
    reopen(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match="POE-TOL-008"):
        reopen(tmp_path / "file" / "folder")


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
    with reopen(tmp_path) as journal:
        assert journal.dropped == 0


def test_a_flipped_bit_in_whose_journal_it_is_has_it_refused_and_left_alone(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put(PROOF, b"1", b"the first body")
    flip(tmp_path / FILE, OURS)
    before = (tmp_path / FILE).read_bytes()
    for identity in (OURS, b"arbiter 0x02"):
        assert code_of(tmp_path, identity) == "POE-JNL-090"
    assert (tmp_path / FILE).read_bytes() == before


def test_a_record_whose_kind_was_flipped_is_noticed_although_nobody_asks_for_that_kind(tmp_path: Path) -> None:
    with reopen(tmp_path) as journal:
        journal.put("race", b"1", b"kept")
        journal.put(PROOF, b"1", b"body")
    flip(tmp_path / FILE, b"proof1")
    with reopen(tmp_path) as journal:
        assert journal.dropped == 1
        assert (journal.items(PROOF), journal.items("race")) == ([], [(b"1", b"kept")])


WRITTEN = {b"%d" % i: b"body %d" % i * 40 for i in range(12)}


def open_after_a_flip(folder: Path, whole: bytes, at: int, bit: int) -> None:
    """The file, one bit of it changed, is refused by its name or gives nothing but what was written."""
    damaged = bytearray(whole)
    damaged[at] ^= 1 << bit
    for file in folder.iterdir():
        file.unlink()
    (folder / FILE).write_bytes(damaged)
    try:
        journal = reopen(folder)
    except JournalError as error:
        refused: str | None = str(error)
    else:
        refused = None
        with journal:
            found = journal.items(PROOF)
            assert all(WRITTEN.get(key) == body for key, body in found), (at, bit)
            assert journal.dropped or len(found) == len(WRITTEN), (at, bit)
            journal.put(PROOF, b"new", b"works")
            assert journal.get(PROOF, b"new") == b"works"
    assert refused is None or FILE in refused


def written_file(folder: Path) -> bytes:
    with reopen(folder) as journal:
        for key, body in WRITTEN.items():
            journal.put(PROOF, key, body)
    return (folder / FILE).read_bytes()


def test_any_flipped_bit_is_healed_or_refused_by_the_files_name(tmp_path: Path) -> None:
    whole, rng = written_file(tmp_path), random.Random(1)
    for _ in range(150):
        open_after_a_flip(tmp_path, whole, rng.randrange(len(whole)), rng.randrange(8))


@pytest.mark.long
def test_a_flipped_bit_in_every_third_byte_is_healed_or_refused_by_the_files_name(tmp_path: Path) -> None:
    whole, rng = written_file(tmp_path), random.Random(2)
    for at in range(0, len(whole), 3):
        open_after_a_flip(tmp_path, whole, at, rng.randrange(8))


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


class Failing:
    """SQLite as on a disk that goes away: the statements that begin with these words fail."""

    def __init__(self, real: sqlite3.Connection, *words: str) -> None:
        self._real = real
        self._words = words

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, statement: str, *arguments: Any) -> Any:
        if statement.startswith(self._words):
            raise sqlite3.OperationalError("disk I/O error")
        return self._real.execute(statement, *arguments)


def test_a_transaction_that_cannot_even_be_undone_is_never_committed(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    journal.put(PROOF, b"1", b"first")
    journal._connection = cast(Any, Failing(journal._connection, "COMMIT", "ROLLBACK"))
    for _ in range(2):
        with pytest.raises(JournalError, match=r"journal\.sqlite"):
            journal.put(PROOF, b"2", b"second")
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        journal.get(PROOF, b"1")
    journal.close()
    with reopen(tmp_path) as journal:
        assert journal.items(PROOF) == [(b"1", b"first")]


def test_a_look_at_the_format_that_fails_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = journal_module._connect
    monkeypatch.setattr(journal_module, "_connect", lambda path: Failing(connect(path), "PRAGMA user_version"))
    assert code_of(tmp_path) == "POE-JNL-005"


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
