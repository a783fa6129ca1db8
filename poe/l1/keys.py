"""Ethereum account keys: key files only their owner can read, signatures over digests, recovery of signers."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from coincurve import PrivateKey, PublicKey
from eth_account import Account

from poe.crypto.keccak import keccak256
from poe.errors import ConfigError
from poe.rollup.types import Address, Hash

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order n of secp256k1 (SEC 2, section 2.4.1)."""

SIGNATURE_BYTES = 65
_HEX_KEY = re.compile(rb"(?:0x)?([0-9a-fA-F]{64})\s*")
_MAX_FILE_BYTES = 128


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


def load_key(path: Path) -> bytes:
    """The private key in a file of 64 hex digits; ConfigError if it is missing, malformed or readable by others."""
    try:
        return _checked(read_secret(path))
    except ValueError:
        raise ConfigError(f"the key file {path} holds a number that is no secp256k1 key", code="POE-CFG-022") from None


def read_secret(path: Path) -> bytes:
    """The 32 bytes in a file of 64 hex digits; ConfigError if it is missing, malformed or readable by others."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_MAX_FILE_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise ConfigError(
            f"cannot read the key file {path}: {error.strerror}", fix="make one with `poe key new`", code="POE-CFG-020"
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"the key file {path} is not a regular file", code="POE-CFG-020")
    if status.st_mode & 0o077:
        raise ConfigError(
            f"the key file {path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
            fix=f"chmod 600 {path}",
            code="POE-CFG-021",
        )
    match = _HEX_KEY.fullmatch(content) if len(content) <= _MAX_FILE_BYTES else None
    if match is None:
        raise ConfigError(f"the key file {path} should hold 64 hex digits and nothing else", code="POE-CFG-022")
    return bytes.fromhex(match.group(1).decode())


def create_key(path: Path) -> bytes:
    """Make a key and write it, mode 0600, whole or not at all; an existing file is never touched."""
    key = secrets.token_bytes(32)
    while not 0 < int.from_bytes(key) < CURVE_ORDER:
        key = secrets.token_bytes(32)
    write_secret(path, key)
    return key


def write_secret(path: Path, secret: bytes) -> None:
    """Write 64 hex digits, mode 0600, whole or not at all; ConfigError when the file exists or cannot be written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_private(temporary, secret.hex().encode() + b"\n")
        try:
            os.link(temporary, path)  # unlike rename, never replaces
        finally:
            temporary.unlink()
    except FileExistsError:
        raise ConfigError(f"the key file {path} exists already", fix="move it away or choose another path") from None
    except OSError as error:
        raise ConfigError(f"cannot write the key file {path}: {error.strerror}") from None


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


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
