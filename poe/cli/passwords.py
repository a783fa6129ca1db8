"""Passwords: from a file only its owner reads, or asked for on a terminal; never an argument, never the environment."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from poe.errors import ConfigError


def existing_password(file: Path | None, *, of: Path) -> str:
    """The password of a keystore that is there."""
    return _from_file(file) if file else _asked(f"Password of {of}: ")


def new_password(file: Path | None, *, of: Path) -> str:
    """The password of a keystore to be, asked for twice."""
    if file:
        return _from_file(file)
    password = _asked(f"New password for {of}: ")
    if not password or password != _asked("Again: "):
        raise ConfigError("the two passwords differ, or are empty", code="POE-CFG-023")
    return password


def load_account(path: Path, password_file: Path | None = None) -> bytes:
    """The private key in a key file; a keystore's password is asked for unless a file has it."""
    from poe.l1.keys import load_key

    return load_key(path, lambda: existing_password(password_file, of=path))


def _from_file(file: Path) -> str:
    from poe.l1.keystore import read_password

    return read_password(file)


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        fix = "name a file that holds it, mode 0600, with --password-file"
        raise ConfigError("a password is wanted, and there is no terminal to ask on", fix=fix, code="POE-CFG-023")
    return getpass.getpass(prompt, stream=sys.stderr)
