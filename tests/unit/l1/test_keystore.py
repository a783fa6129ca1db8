"""Keystores: known answers of other programs, strictness, bounds, and nothing secret in any text."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from poe.errors import ConfigError
from poe.l1.keys import address_of, create_key, describe_key_file, load_key, write_keystore
from poe.l1.keystore import decrypt, encrypt, is_keystore, read_password

PASSWORD = "testpassword"
KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
ADDRESS = "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b"
"""The test vectors of the Web3 Secret Storage definition, version 3."""

PBKDF2: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "p": 8,
            "r": 1,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


def changed(where: str, value: object, of: dict[str, Any] = SCRYPT) -> bytes:
    """A keystore with one dotted field replaced."""
    keystore = copy.deepcopy(of)
    *path, last = where.split(".")
    inner = keystore
    for name in path:
        inner = inner[name]
    inner[last] = value
    return json.dumps(keystore).encode()


def private(path: Path, content: bytes | str, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("keystore", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_the_definitions_test_vectors_open(tmp_path: Path, keystore: dict[str, Any]) -> None:
    path = private(tmp_path / "keystore", json.dumps(keystore))
    assert load_key(path, lambda: PASSWORD) == KEY
    assert "0x" + address_of(KEY).hex() == ADDRESS


def test_what_eth_account_writes_with_casts_cost_opens_here_and_ours_opens_there(tmp_path: Path) -> None:
    theirs = dict(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=8192))
    del theirs["address"]  # cast writes none
    assert decrypt(json.dumps(theirs).encode(), PASSWORD, tmp_path) == KEY
    ours = json.loads(encrypt(KEY, PASSWORD))
    assert bytes(Account.decrypt(ours, PASSWORD)) == KEY
    assert (ours["version"], ours["crypto"]["kdf"], ours["crypto"]["kdfparams"]["n"]) == (3, "scrypt", 2**18)
    assert ours["crypto"]["cipher"] == "aes-128-ctr"


def test_a_new_keystore_is_private_and_holds_no_key_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "keystore"
    key = create_key(path, "a b")
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.hex() not in path.read_text()
    assert load_key(path, lambda: "a b") == key
    assert describe_key_file(path) == ("keystore", "0x" + address_of(key).hex())
    with pytest.raises(ConfigError, match="exists already"):
        write_keystore(path, key, "a b")


def test_a_wrong_password_is_one_line_without_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^POE-CFG-023: .*does not open") as refusal:
        decrypt(json.dumps(PBKDF2).encode(), "hunter2", tmp_path)
    assert "hunter2" not in str(refusal.value)


def test_a_keystore_without_a_way_to_its_password_says_what_is_missing(tmp_path: Path) -> None:
    path = private(tmp_path / "keystore", json.dumps(SCRYPT))
    with pytest.raises(ConfigError, match=r"POE-CFG-023: .*l1\.password_file"):
        load_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_keystore_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "keystore", json.dumps(SCRYPT), mode)
    with pytest.raises(ConfigError, match=f"POE-CFG-021: .*chmod 600 {path}"):
        load_key(path, lambda: pytest.fail("asked for the password of an unsafe file"))


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        b"[1]",
        b"{" * 5000,
        changed("version", 4),
        changed("version", "3"),
        changed("crypto.cipher", "aes-128-cbc"),
        changed("crypto.kdf", "argon2"),
        changed("crypto.kdf", "pbkdf2"),
        changed("crypto.kdfparams.n", 2**31 - 1),
        changed("crypto.kdfparams.n", 2**30),
        changed("crypto.kdfparams.n", 1000),
        changed("crypto.kdfparams.n", 1),
        changed("crypto.kdfparams.n", -(2**18)),
        changed("crypto.kdfparams.n", "262144"),
        changed("crypto.kdfparams.r", 2**20),
        changed("crypto.kdfparams.p", 2**20),
        changed("crypto.kdfparams.dklen", 2**30),
        changed("crypto.kdfparams.salt", "zz"),
        changed("crypto.ciphertext", "00" * 31),
        changed("crypto.ciphertext", "00" * 33),
        changed("crypto.mac", ""),
        changed("crypto.cipherparams", {}),
        changed("crypto.kdfparams.c", 10_000_001, PBKDF2),
        changed("crypto.kdfparams.prf", "hmac-md5", PBKDF2),
    ],
)
def test_what_is_no_keystore_or_too_dear_is_refused_before_any_work(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError, match="POE-CFG-022") as refusal:
        decrypt(content, PASSWORD, tmp_path / "keystore")
    assert SCRYPT["crypto"]["mac"] not in str(refusal.value)


def test_a_second_spelling_of_a_field_does_not_smuggle_a_cost_past_the_bounds(tmp_path: Path) -> None:
    """The library that decrypts lowers all names: it must only see what was checked."""
    content = json.dumps(PBKDF2)[:-1] + ', "Crypto": ' + json.dumps({"kdf": "scrypt", "kdfparams": {"n": 2**31}}) + "}"
    assert decrypt(content.encode(), PASSWORD, tmp_path) == KEY


def test_a_keystore_of_many_bytes_is_not_read_whole(tmp_path: Path) -> None:
    path = private(tmp_path / "keystore", b"{" + b" " * 10_000_000 + b"}")
    with pytest.raises(ConfigError, match="POE-CFG-022"):
        load_key(path, lambda: PASSWORD)


def test_hex_and_keystores_are_told_apart() -> None:
    assert is_keystore(b' \n{"crypto"')
    assert not is_keystore(KEY.hex().encode())
    assert not is_keystore(b"")


@pytest.mark.parametrize("address", ["", "0x", "zz" * 20, "\x1b[2J" * 10])
def test_an_address_that_is_none_is_not_repeated(tmp_path: Path, address: str) -> None:
    keystore = SCRYPT | {"address": address}
    assert describe_key_file(private(tmp_path / "keystore", json.dumps(keystore))) == ("keystore", "")


@pytest.mark.parametrize(("content", "password"), [("a b\n", "a b"), ("pässword", "pässword"), (" x \r\n", " x ")])
def test_a_password_is_a_files_first_line(tmp_path: Path, content: str, password: str) -> None:
    assert read_password(private(tmp_path / "password", content)) == password


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff"])
def test_a_password_file_of_none_or_two_lines_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError, match="POE-CFG-023"):
        read_password(private(tmp_path / "password", content))


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POE-CFG-021: the password file"):
        read_password(private(tmp_path / "password", "x", 0o640))


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_an_unfit_password_is_refused(password: str) -> None:
    with pytest.raises(ConfigError, match="POE-CFG-023"):
        encrypt(KEY, password)
