"""Runs `poe` so that it kills itself, as by kill -9, at one chosen write of its journal; and notes all that it signs.

    python -m tests.integration.crash.dying WRITE WHEN NOTES -- prover run --config poe.toml

WRITE counts the transactions that change the journal, from 1 on; 0: never. WHEN is `before` or `after` the commit.
NOTES is a file that gets a JSON line for everything signed, on disk before the signature is used.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poe import journal
from poe.cli.app import main
from poe.l1.keys import Signer


@dataclass(kw_only=True)
class Fuse:
    """Goes off at a write; `count` are those so far."""

    write: int
    when: str
    count: int = 0

    def burn(self, when: str) -> None:
        if self.count == self.write and when == self.when:
            os.kill(os.getpid(), signal.SIGKILL)


class DyingConnection(sqlite3.Connection):
    """Counts the transactions that change anything."""

    fuse: Fuse
    changes_before = 0

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if statement == "BEGIN IMMEDIATE":
            self.changes_before = self.total_changes
        if statement != "COMMIT" or self.total_changes == self.changes_before:
            return super().execute(statement, *arguments)
        self.fuse.count += 1
        self.fuse.burn("before")
        cursor = super().execute(statement, *arguments)
        self.fuse.burn("after")
        return cursor


def arm(fuse: Fuse) -> None:
    """Every connection that the journal opens from now on burns this fuse."""
    DyingConnection.fuse = fuse
    connect = sqlite3.connect

    class Sqlite3:
        """The module as the journal knows it, but for `connect`."""

        def __getattr__(self, name: str) -> Any:
            return getattr(sqlite3, name)

        def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
            return connect(*arguments, factory=DyingConnection, **options)

    vars(journal)["sqlite3"] = Sqlite3()


def note_signatures(path: Path) -> None:
    """Write down every transaction and every digest before it is signed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def noted(sign: Callable[[Signer, Any], Any], describe: Callable[[Any], dict[str, Any]]) -> Any:
        def sign_and_note(signer: Signer, what: Any) -> Any:
            os.write(descriptor, json.dumps(describe(what)).encode() + b"\n")
            os.fsync(descriptor)
            return sign(signer, what)

        return sign_and_note

    def describe_transaction(fields: dict[str, Any]) -> dict[str, Any]:
        return {"nonce": fields["nonce"], "value": fields["value"], "data": bytes(fields["data"]).hex()}

    names = {"sign_transaction": describe_transaction, "sign_hash": lambda digest: {"digest": digest.hex()}}
    for name, describe in names.items():
        setattr(Signer, name, noted(getattr(Signer, name), describe))


def note_announcements(path: Path) -> None:
    """Write down number and hash of every batch that the sequencer announces under its signature."""
    from poe.assembly import sequencer

    sign = sequencer.sign_announcement
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def sign_and_note(domain: Any, signer: Any, announcement: Any) -> Any:
        line = {"number": announcement.number, "batch_hash": announcement.batch_hash.hex()}
        os.write(descriptor, json.dumps(line).encode() + b"\n")
        os.fsync(descriptor)
        return sign(domain, signer, announcement)

    vars(sequencer)["sign_announcement"] = sign_and_note


if __name__ == "__main__":
    write, when, notes, _, *arguments = sys.argv[1:]
    arm(Fuse(write=int(write), when=when))
    note_signatures(Path(notes))
    if arguments[0] == "sequencer":
        note_announcements(Path(notes))
    sys.argv = ["poe", *arguments]
    main()
