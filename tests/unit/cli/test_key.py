"""`poe key`: keystores made, imported and listed; passwords from files and terminals alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poe.assembly.chain import load_signer
from poe.cli import key as command
from poe.config import L1Settings, Settings
from poe.errors import ConfigError, InputError
from poe.l1.keys import address_of, create_key, load_key

SECRET = "correct horse"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    path = folder / "password"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A person at a terminal, who answers these passwords in turn."""
    answers: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: answers.pop(0))
    yield answers
    assert answers == [], "not asked as often as thought"


def test_a_keystore_of_a_password_file_is_one_the_node_takes(
    tmp_path: Path, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keystore"
    command.new(path, password_file=password_file)
    address = capsys.readouterr().out.strip()
    settings = Settings(l1=L1Settings(key_file=str(path), password_file=str(password_file)))
    assert "0x" + load_signer(settings).address.hex() == address
    with pytest.raises(ConfigError, match=r"POE-CFG-023: .*l1\.password_file"):
        load_signer(Settings(l1=L1Settings(key_file=str(path))))


def test_a_plain_key_file_needs_no_password_file(tmp_path: Path, password_file: Path) -> None:
    key = create_key(tmp_path / "plain")
    for named in ("", str(password_file), str(tmp_path / "none")):
        settings = Settings(l1=L1Settings(key_file=str(tmp_path / "plain"), password_file=named))
        assert load_signer(settings).address == address_of(key)


def test_a_person_is_asked_twice_for_a_new_password(tmp_path: Path, terminal: list[str]) -> None:
    terminal += [SECRET, SECRET]
    command.new(tmp_path / "keystore", keystore=True)
    assert len(load_key(tmp_path / "keystore", lambda: SECRET)) == 32


@pytest.mark.parametrize("answers", [["a", "b"], [""]])
def test_passwords_that_differ_or_are_empty_make_no_file(
    tmp_path: Path, terminal: list[str], answers: list[str]
) -> None:
    terminal += answers
    with pytest.raises(ConfigError, match="POE-CFG-023"):
        command.new(tmp_path / "keystore", keystore=True)
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poe", "key", "new", str(tmp_path / "keystore"), "--keystore"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("poe: POE-CFG-023: ")
    assert "--password-file" in done.stderr


def test_import_takes_plain_keys_and_keystores(
    tmp_path: Path, password_file: Path, terminal: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    key = create_key(tmp_path / "plain")
    command.import_(tmp_path / "plain", tmp_path / "first", password_file=password_file)
    terminal += ["other", "other"]
    command.import_(tmp_path / "first", tmp_path / "second", source_password_file=password_file)
    assert load_key(tmp_path / "second", lambda: "other") == key
    assert capsys.readouterr().out.split() == ["0x" + address_of(key).hex()] * 2


def test_import_never_overwrites(tmp_path: Path, password_file: Path) -> None:
    create_key(tmp_path / "plain")
    before = (tmp_path / "plain").read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        command.import_(tmp_path / "plain", tmp_path / "plain", password_file=password_file)
    assert (tmp_path / "plain").read_bytes() == before


def test_list_shows_addresses_kinds_and_what_is_unsafe(
    tmp_path: Path, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    plain = create_key(folder / "a-plain")
    sealed = create_key(folder / "b-keystore", SECRET)
    create_key(folder / "c-open")
    (folder / "c-open").chmod(0o644)
    (folder / "d-other").write_text("notes")
    (folder / "d-other").chmod(0o600)
    (folder / "folder").mkdir()
    command.list_(folder, json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["kind"], row["address"]) for row in rows] == [
        ("a-plain", "plain", "0x" + address_of(plain).hex()),
        ("b-keystore", "keystore", "0x" + address_of(sealed).hex()),
        ("c-open", "unsafe", ""),
    ]
    assert "chmod 600" in rows[2]["problem"]
    command.list_(folder)
    text = capsys.readouterr().out
    assert len(text.splitlines()) == 3
    assert plain.hex() not in text


def test_a_folder_that_cannot_be_listed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        command.list_(tmp_path / "none")


def test_no_option_takes_a_password_or_a_key() -> None:
    """What stands on a command line is in the process list and the shell's history."""
    for subcommand in ("new", "import", "address"):
        names = {name for argument in command.app[subcommand].assemble_argument_collection() for name in argument.names}
        secretive = {name for name in names if "password" in name or "private" in name or "secret" in name}
        assert all(name.endswith("password-file") for name in secretive), secretive
