"""What must survive a crash: small records in one SQLite file (WAL, synced), one process a data folder.

A role writes down what it is about to do *before* it does it. A write that returned is on disk; one that did not is
there whole or not at all: SQLite's log heals a torn tail. Bytes that a disk flips are found by the digest
every record carries: such a record is dropped and counted, never believed. A file that SQLite itself cannot read, or
that no longer says whose it is, is refused by its name; it is never written over.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from poe.errors import JournalError
from poe.folder import hold_folder

log = logging.getLogger("poe.journal")

FILE = "journal.sqlite"
FORMAT = 1
"""Goes up when records of an older program cannot be read."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
_ALL = "SELECT kind, key, body, digest FROM record"
_IDENTITY = ("journal", b"identity")


class Journal:
    """Records by kind and key, both chosen by the role; safe to use from several threads.

    `dropped` counts records whose bytes had changed on disk.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, hold: ExitStack) -> None:
        self._connection = connection
        self._path = path
        self._hold = hold
        self._mutex = threading.RLock()
        self.dropped = 0

    @classmethod
    def open(cls, folder: Path, *, identity: bytes, is_held: bool = False) -> Journal:
        """The journal of a data folder, made if there is none.

        `identity` says whose it is (arbiter, chain, account, role); `is_held`: the caller keeps others out of the
        folder. ToolError when another process has it or it cannot be written, JournalError when the file belongs to
        another identity or a newer program, or is damaged.
        """
        with ExitStack() as hold:
            if not is_held:
                hold.enter_context(hold_folder(folder))
            path = folder / FILE
            with _errors_named(path):
                journal = cls(hold.enter_context(closing(_connect(path))), path, hold)
                journal._require_identity(identity)
                journal._heal()
            journal._hold = hold.pop_all()
        return journal

    def put(self, kind: str, key: bytes, body: bytes) -> None:
        """Write a record, over an older one of the same key; on disk when this returns."""
        with self._statements() as run:
            run.execute(
                "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", (kind, key, body, _digest(kind, key, body))
            )

    def delete(self, kind: str, key: bytes) -> None:
        """Forget a record; nothing happens if there is none."""
        with self._statements() as run:
            run.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))

    def get(self, kind: str, key: bytes) -> bytes | None:
        """A record's body; None if there is none, or its bytes are not those that were written."""
        with self._statements() as run:
            row = run.execute("SELECT body, digest FROM record WHERE kind = ? AND key = ?", (kind, key)).fetchone()
            return None if row is None else self._checked(kind, key, *row)

    def items(self, kind: str) -> list[tuple[bytes, bytes]]:
        """(key, body) of all good records of a kind, by key."""
        with self._statements() as run:
            rows = run.execute("SELECT key, body, digest FROM record WHERE kind = ? ORDER BY key", (kind,)).fetchall()
            checked = [(key, self._checked(kind, key, body, digest)) for key, body, digest in rows]
            return [(key, body) for key, body in checked if body is not None]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Writes inside happen all or not at all."""
        with self._statements():
            yield

    def close(self) -> None:
        """Give the folder back."""
        with self._mutex, _errors_named(self._path):
            self._hold.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _statements(self) -> Iterator[sqlite3.Connection]:
        """One transaction; the outermost of nested ones commits."""
        with self._mutex, _errors_named(self._path):
            outermost = not self._connection.in_transaction
            try:
                if outermost:
                    self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                if outermost:
                    self._connection.execute("COMMIT")
            except BaseException:
                if outermost:
                    self._undo()
                raise

    def _undo(self) -> None:
        """Roll back; where even that fails nothing more is written: half a transaction must never be committed."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.error("journal_closed file=%s reason=%r", self._path, str(error))
            with suppress(sqlite3.Error):
                self._connection.close()

    def _checked(self, kind: str, key: bytes, body: bytes, digest: bytes) -> bytes | None:
        if _is_whole((kind, key, body, digest)):
            return body
        self._note_dropped(kind)
        self._connection.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))
        return None

    def _note_dropped(self, kind: object) -> None:
        log.error("journal_record_dropped file=%s kind=%a reason=digest", self._path, kind)
        self.dropped += 1

    def _heal(self) -> None:
        """Drop every damaged record, also one that damage has hidden from a search by kind and key."""
        damaged = [row for row in self._connection.execute(_ALL) if not _is_whole(row)]
        if not damaged:
            return
        with self._statements() as run:
            whole = [row for row in run.execute(_ALL) if _is_whole(row)]
            run.execute("DROP TABLE record")
            run.execute(_SCHEMA)
            run.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", whole)
        for kind, *_ in damaged:
            self._note_dropped(kind)

    def _require_identity(self, identity: bytes) -> None:
        (found_format,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found_format > FORMAT:
            raise JournalError(
                f"{self._path} is of format {found_format}, this program reads {FORMAT}",
                fix="use a newer poe, or name another data folder",
                code="POE-JNL-004",
            )
        found = [row for row in self._connection.execute(_ALL) if row[:2] == _IDENTITY and _is_whole(row)]
        if not found and self._is_new(found_format):
            with self.together():
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")
                self.put(*_IDENTITY, identity)
        elif not found:
            raise JournalError(
                f"{self._path} no longer says whose it is",
                fix="move it away: what it held is read from L1 again",
                code="POE-JNL-090",
            )
        elif found[0][2] != identity:
            raise JournalError(
                f"{self._path} belongs to another node: {_shown(found[0][2])}, this one is {_shown(identity)}",
                fix="name another data folder",
                code="POE-JNL-003",
            )

    def _is_new(self, found_format: int) -> bool:
        """Has nobody written to it? Format and identity come with the first transaction."""
        return found_format == 0 and self._connection.execute("SELECT 1 FROM record LIMIT 1").fetchone() is None


def peek(folder: Path, kind: str) -> list[tuple[bytes, bytes]]:
    """(key, body) of all good records of a kind, whoever has the folder open; changes nothing.

    JournalError when there is no journal that can be read.
    """
    path = folder / FILE
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT key, body, digest FROM record WHERE kind = ? ORDER BY key", (kind,))
            return [(key, body) for key, body, digest in rows if _is_whole((kind, key, body, digest))]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _damaged(path, error) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        connection.execute(_SCHEMA)
        # A damaged header may say that nobody can write: better known now than at the first record.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except (sqlite3.Error, UnicodeDecodeError):
        connection.close()
        raise
    return connection


def count_records(folder: Path) -> dict[str, int] | None:
    """How many records of each kind a folder's journal holds, None without one; changes nothing, needs no lock.

    JournalError when the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            query = "SELECT kind, COUNT(*) FROM record WHERE kind != ? GROUP BY kind ORDER BY kind"
            return dict(connection.execute(query, _IDENTITY[:1]))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """SQLite's errors as JournalError that names the file; what it says of a damaged one need not even be text."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"{path} cannot be used: {' '.join(str(error).split())}",
        fix="free disk space if it is short; if the file is damaged move it away: what it held is read from L1 again",
        code="POE-JNL-005",
    )


def _is_whole(row: tuple[object, ...]) -> bool:
    """Are kind, key, body and digest as they were written? Damage can change their types as well."""
    match row:
        case (str(kind), bytes(key), bytes(body), bytes(digest)):
            return digest == _digest(kind, key, body)
    return False


def _digest(kind: str, key: bytes, body: bytes) -> bytes:
    name = kind.encode()
    return hashlib.blake2b(b"%d:%s%d:%s%s" % (len(name), name, len(key), key, body), digest_size=16).digest()


def _shown(identity: bytes) -> str:
    return identity.decode("utf-8", "replace")[:200]
