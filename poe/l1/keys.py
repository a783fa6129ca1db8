"""Ethereum account keys: key files only their owner can read, signatures over digests, recovery of signers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path

from coincurve import PrivateKey, PublicKey
from eth_account import Account

from poe.crypto.keccak import keccak256
from poe.errors import ConfigError
from poe.l1.keystore import MAX_BYTES, address_hint, decrypt, encrypt, is_keystore
from poe.l1.secret_file import read_private, write_private
from poe.rollup.types import Address, Hash

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order n of secp256k1 (SEC 2, section 2.4.1)."""

SIGNATURE_BYTES = 65
_HEX_KEY = re.compile(rb"(?:0x)?([0-9a-fA-F]{64})\s*")
_MAX_HEX_BYTES = 128


class Signer:
    """An account that can sign; its repr shows the address, never the key, and it refuses to be pickled."""

    __slots__ = ("_key", "address")

    def __init__(self, key: bytes) -> None:
        self._key = _checked(key)
        self.address = address_of(key)

    def __repr__(self) -> str:
        return f"Signer(0x{self.address.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a Signer holds a private key and is never serialised")

    def sign_hash(self, digest: Hash) -> bytes:
        """65 bytes `r ‖ s ‖ v` over a 32-byte digest."""
        return sign_hash(self._key, digest)

    def sign_transaction(self, fields: dict[str, object]) -> tuple[bytes, Hash]:
        """Raw bytes and hash of an EIP-1559 transaction."""
        signed = Account.sign_transaction(fields, self._key)
        return bytes(signed.raw_transaction), Hash(bytes(signed.hash))


def load_key(path: Path, ask_password: Callable[[], str] | None = None) -> bytes:
    """The private key in a file of 64 hex digits or in a Web3 keystore, whose password `ask_password` gives.

    ConfigError if the file is missing, malformed or readable by others, or the password is missing or wrong.
    """
    content = _read_key_file(path)
    try:
        if not is_keystore(content):
            return _checked(_hex_secret(path, content))
        if ask_password is None:
            raise ConfigError(
                f"{path} is a keystore, and there is no password for it",
                fix="name a file that holds it in l1.password_file",
                code="POE-CFG-023",
            )
        return _checked(decrypt(content, ask_password(), path))
    except ValueError:
        raise ConfigError(f"the key file {path} holds a number that is no secp256k1 key", code="POE-CFG-022") from None


def read_secret(path: Path) -> bytes:
    """The 32 bytes in a file of 64 hex digits; ConfigError if it is missing, malformed or readable by others."""
    return _hex_secret(path, _read_key_file(path))


def describe_key_file(path: Path) -> tuple[str, str]:
    """What a key file is, `keystore` or `plain`, and its address: a keystore's own word for it, which may be empty.

    ConfigError as `load_key`.
    """
    content = _read_key_file(path)
    if is_keystore(content):
        return "keystore", address_hint(content, path)
    return "plain", "0x" + address_of(load_key(path)).hex()


def _read_key_file(path: Path) -> bytes:
    return read_private(path, what="key file", most=MAX_BYTES, fix="make one with `poe key new`")


def _hex_secret(path: Path, content: bytes) -> bytes:
    match = _HEX_KEY.fullmatch(content) if len(content) <= _MAX_HEX_BYTES else None
    if match is None:
        raise ConfigError(f"the key file {path} should hold 64 hex digits and nothing else", code="POE-CFG-022")
    return bytes.fromhex(match.group(1).decode())


def create_key(path: Path, password: str | None = None) -> bytes:
    """Make a key and write it, mode 0600, whole or not at all, as a keystore if there is a password.

    An existing file is never touched.
    """
    key = secrets.token_bytes(32)
    while not 0 < int.from_bytes(key) < CURVE_ORDER:
        key = secrets.token_bytes(32)
    if password is None:
        write_secret(path, key)
    else:
        write_keystore(path, key, password)
    return key


def write_keystore(path: Path, key: bytes, password: str) -> None:
    """Write a key as a Web3 keystore, mode 0600; ConfigError when the file exists or cannot be written."""
    write_private(path, encrypt(_checked(key), password), what="key file")


def write_secret(path: Path, secret: bytes) -> None:
    """Write 64 hex digits, mode 0600, whole or not at all; ConfigError when the file exists or cannot be written."""
    write_private(path, secret.hex().encode() + b"\n", what="key file")


def address_of(key: bytes) -> Address:
    """The account of a private key."""
    return _address(PrivateKey(_checked(key)).public_key)


def sign_hash(key: bytes, digest: Hash) -> bytes:
    """65 bytes `r ‖ s ‖ v`, s low, v 27 or 28, deterministic (RFC 6979), over a 32-byte digest."""
    if len(digest) != 32:
        raise ValueError(f"a digest is 32 bytes, got {len(digest)}")
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes((27 + signature[64],))


def recover_address(digest: Hash, signature: bytes) -> Address | None:
    """Who signed the digest; None for anything but the one canonical form (65 bytes, low s, v in 0, 1, 27, 28)."""
    if len(digest) != 32 or len(signature) != SIGNATURE_BYTES or signature[64] not in (0, 1, 27, 28):
        return None
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    if not (0 < r < CURVE_ORDER and 0 < s <= CURVE_ORDER // 2):
        return None
    recoverable = signature[:64] + bytes((signature[64] % 27,))
    try:
        return _address(PublicKey.from_signature_and_message(recoverable, digest, hasher=None))
    except ValueError:  # r is no abscissa of a point, or the key would be the point at infinity
        return None


def _address(key: PublicKey) -> Address:
    return Address(keccak256(key.format(compressed=False)[1:])[12:])


def _checked(key: bytes) -> bytes:
    if len(key) != 32 or not 0 < int.from_bytes(key) < CURVE_ORDER:
        raise ValueError("a secp256k1 key is 32 bytes, in 1..n-1")
    return key
