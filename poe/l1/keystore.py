"""Web3 secret storage, version 3: a private key under a password, as `cast wallet`, geth and clef write it.

Reading is strict and bounded: a keystore from elsewhere chooses the cost of its own key derivation, and must not choose
more memory or time than a login is worth. An address in the file is a hint for people; the key decides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from eth_account import Account

from poe.errors import ConfigError
from poe.l1.secret_file import read_private

MAX_BYTES = 16_384
MAX_PASSWORD_BYTES = 1_024
MAX_SCRYPT_BYTES = 512 * 2**20
MAX_SCRYPT_WORK = 2**23
"""n · r · p; eth-account and geth write 2^21, cast 2^16."""
MAX_PBKDF2_ROUNDS = 10_000_000

_Hex = Annotated[str, msgspec.Meta(pattern=r"^(0x)?([0-9a-fA-F]{2})*$", max_length=130)]
_Word = Annotated[str, msgspec.Meta(pattern=r"^(0x)?[0-9a-fA-F]{64}$")]
_Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class _Scrypt(msgspec.Struct, frozen=True):
    dklen: Literal[32]
    n: _Count
    r: _Count
    p: _Count
    salt: _Hex


class _Pbkdf2(msgspec.Struct, frozen=True):
    dklen: Literal[32]
    c: Annotated[int, msgspec.Meta(ge=1, le=MAX_PBKDF2_ROUNDS)]
    prf: Literal["hmac-sha256"]
    salt: _Hex


class _CipherParams(msgspec.Struct, frozen=True):
    iv: _Hex


class _Crypto(msgspec.Struct, frozen=True):
    cipher: Literal["aes-128-ctr"]
    cipherparams: _CipherParams
    ciphertext: _Word
    mac: _Word


class _ScryptCrypto(_Crypto, frozen=True, tag_field="kdf", tag="scrypt"):
    kdfparams: _Scrypt


class _Pbkdf2Crypto(_Crypto, frozen=True, tag_field="kdf", tag="pbkdf2"):
    kdfparams: _Pbkdf2


class _Keystore(msgspec.Struct, frozen=True):
    crypto: _ScryptCrypto | _Pbkdf2Crypto
    version: Literal[3]
    address: str = ""


def is_keystore(content: bytes) -> bool:
    """Does a key file's content look like a keystore rather than hex digits?"""
    return content.lstrip()[:1] == b"{"


def encrypt(key: bytes, password: str) -> bytes:
    """A keystore's content: scrypt with n = 2^18, r = 8, p = 1, about a second and 256 MiB for who opens it."""
    return json.dumps(Account.encrypt(key, _fit(password))).encode() + b"\n"


def decrypt(content: bytes, password: str, path: Path) -> bytes:
    """The private key in a keystore; ConfigError, which repeats nothing of it, if it is malformed, too dear to open, or
    of another password."""
    checked = msgspec.to_builtins(_decoded(content, path))  # not the file itself: two parsers may read it in two ways
    try:
        return bytes(Account.decrypt(checked, _fit(password)))
    except ValueError:
        raise ConfigError(
            f"the password does not open the keystore {path}", fix="check l1.password_file", code="POE-CFG-023"
        ) from None


def address_hint(content: bytes, path: Path) -> str:
    """The address that a keystore says it is of, unproven, 0x and 40 digits; empty where it does not say."""
    told = _decoded(content, path).address.removeprefix("0x").lower()
    return f"0x{told}" if len(told) == 40 and all(c in "0123456789abcdef" for c in told) else ""


def read_password(path: Path) -> str:
    """The password in a file that only its owner can read: its first line."""
    content = read_private(path, what="password file", most=MAX_PASSWORD_BYTES + 2)
    try:
        password = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"the password file {path} is not UTF-8", code="POE-CFG-023") from None
    if not password or "\n" in password:
        raise ConfigError(f"the password file {path} should hold one line", code="POE-CFG-023")
    return password


def _decoded(content: bytes, path: Path) -> _Keystore:
    try:
        keystore = msgspec.json.decode(content, type=_Keystore)
        if isinstance(keystore.crypto, _ScryptCrypto):
            _require_affordable(keystore.crypto.kdfparams)
    except ValueError:  # msgspec's texts may quote the file
        raise ConfigError(
            f"{path} is no Web3 keystore of version 3 that poe takes",
            fix="make one with `poe key import` or `cast wallet import`",
            code="POE-CFG-022",
        ) from None
    return keystore


def _require_affordable(scrypt: _Scrypt) -> None:
    if scrypt.n < 2 or scrypt.n & (scrypt.n - 1):
        raise ValueError("n is no power of two")
    if 128 * scrypt.n * scrypt.r > MAX_SCRYPT_BYTES or scrypt.n * scrypt.r * scrypt.p > MAX_SCRYPT_WORK:
        raise ValueError("too much work")


def _fit(password: str) -> str:
    if not password or len(password.encode()) > MAX_PASSWORD_BYTES:
        raise ConfigError(f"a password has 1 to {MAX_PASSWORD_BYTES} bytes", code="POE-CFG-023")
    return password
