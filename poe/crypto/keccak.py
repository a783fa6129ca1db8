"""Ethereum's Keccak-256."""

from __future__ import annotations

from Crypto.Hash import keccak as _keccak


def keccak256(message: bytes) -> bytes:
    """Thirty-two bytes: Keccak-256 with the padding Ethereum kept, not SHA3-256."""
    return _keccak.new(digest_bits=256, data=message).digest()
