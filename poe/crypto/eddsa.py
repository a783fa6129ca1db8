"""EdDSA over BabyJubJub with Poseidon, signing as circomlibjs does, verifying by docs/protocol.md section 4, rule 10.

Not constant time: for tests and tools on keys that are worth little.
"""

from __future__ import annotations

from dataclasses import dataclass

from poe.crypto.babyjubjub import BASE8, COFACTOR, SUBGROUP_ORDER, Point, add, has_small_order, is_on_curve, multiply
from poe.crypto.blake512 import blake512
from poe.crypto.field import FIELD_ORDER, reduce
from poe.crypto.poseidon import poseidon
from poe.errors import InputError

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The nonce point R8 and the scalar s < l."""

    r8: Point
    s: int


def derive_public_key(secret: bytes) -> Point:
    """Public key of a 32-byte secret; InputError on another length."""
    scalar, _ = _expand(secret)
    return multiply(BASE8, scalar // COFACTOR)


def sign(secret: bytes, message: int) -> Signature:
    """Deterministic signature of a field element; InputError when message is not in [0, r)."""
    if not 0 <= message < FIELD_ORDER:
        raise InputError(f"message is not a field element: {message}")
    scalar, prefix = _expand(secret)
    public_key = multiply(BASE8, scalar // COFACTOR)
    nonce = int.from_bytes(blake512(prefix + message.to_bytes(32, "little")), "little") % SUBGROUP_ORDER
    r8 = multiply(BASE8, nonce)
    challenge = poseidon([*r8, *public_key, message])
    return Signature(r8=r8, s=(nonce + challenge * scalar) % SUBGROUP_ORDER)


def verify(public_key: Point, r8: Point, s: int, message: int) -> bool:
    """Does S·B8 = R8 + h·(8·A) hold, S < l, both points on the curve and not of small order?

    Every argument may be an unreduced word and is read modulo r. Total: no input raises. circomlibjs accepts
    keys and nonces of small order and does not reduce, so the two differ on such inputs.
    """
    a = (reduce(public_key[0]), reduce(public_key[1]))
    r = (reduce(r8[0]), reduce(r8[1]))
    s, message = reduce(s), reduce(message)
    if s >= SUBGROUP_ORDER or not is_on_curve(a) or not is_on_curve(r):
        return False
    if has_small_order(a) or has_small_order(r):
        return False
    challenge = poseidon([*r, *a, message])
    return multiply(BASE8, s) == add(r, multiply(multiply(a, COFACTOR), challenge))


def _expand(secret: bytes) -> tuple[int, bytes]:
    """The pruned secret scalar, a multiple of 8 with bit 254 set, and the 32-byte prefix that nonces are made from."""
    if len(secret) != SECRET_BYTES:
        raise InputError(f"secret is {len(secret)} bytes, wanted {SECRET_BYTES}")
    digest = bytearray(blake512(secret))
    digest[0] &= 0xF8
    digest[31] &= 0x7F
    digest[31] |= 0x40
    return int.from_bytes(digest[:32], "little"), bytes(digest[32:])
