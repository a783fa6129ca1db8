"""The wire's messages: canonical msgpack arrays, decoded strictly, and the digest a sequencer signs.

Canonical means: there is one byte string for a message. A decoder checks the exact shape and types, then
encodes again and compares, which refuses non-minimal integers, trailing bytes, extensions and every other
second spelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack

from poe.crypto.keccak import keccak256
from poe.errors import NetError
from poe.net.interface import BatchAnnouncement, ProvingIntent
from poe.rollup.types import AccountIndex, Batch, BatchNumber, FieldElement, Hash, Header, Shape

MAX_MESSAGE_BYTES = 4096
"""Cap of everything that is gossiped or asked; bodies have their own."""
MAX_NUMBER = 2**64 - 1
MAX_ADDRESSES = 16
MAX_ADDRESS_CHARACTERS = 160
MAX_BATCHES_PER_REQUEST = 64
SIGNATURE_BYTES = 65
HASH_BYTES = 32
ADDRESS_BYTES = 20

_ANNOUNCEMENT_PREFIX = b"\x19poe batch announcement 1\n"
"""0x19 can begin no transaction (EIP-191), so a signature here is never one there."""


class MalformedMessage(NetError):
    """Bytes from a peer that no honest node writes."""

    code = "POE-NET-002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What two peers tell each other first: which rollup they follow and where nodes can be dialled."""

    domain: FieldElement
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRequest:
    """Asks for `count` batches from `first` on; a `batch_hash` asks for that very batch (count is 1)."""

    first: BatchNumber
    count: int
    batch_hash: Hash | None


def topic(domain: FieldElement, kind: str) -> str:
    """Gossip topic of a message kind: names carry the rollup and the wire version."""
    return f"/poe/{domain:064x}/{kind}/1"


def announcement_digest(
    *, domain: FieldElement, number: BatchNumber, parent_hash: Hash, batch_hash: Hash, header: Header
) -> Hash:
    """The 32 bytes that a sequencer signs: a fixed prefix, the rollup's domain, then every field as a word."""
    words = (domain, number, int.from_bytes(parent_hash), int.from_bytes(batch_hash), *header.words)
    return Hash(keccak256(_ANNOUNCEMENT_PREFIX + b"".join(word.to_bytes(32, "big") for word in words)))


def encode_announcement(announcement: BatchAnnouncement) -> bytes:
    """Canonical bytes of a batch announcement."""
    return _pack(
        [
            announcement.number,
            announcement.parent_hash,
            announcement.batch_hash,
            *_header_fields(announcement.header),
            announcement.signature,
        ]
    )


def decode_announcement(raw: bytes) -> BatchAnnouncement:
    """The announcement in `raw`; MalformedMessage if it is not the canonical encoding of one."""
    fields = _unpack(raw, length=9)
    announcement = BatchAnnouncement(
        number=BatchNumber(_integer(fields[0], "number", 1, MAX_NUMBER)),
        parent_hash=Hash(_bytes(fields[1], "parent_hash", HASH_BYTES)),
        batch_hash=Hash(_bytes(fields[2], "batch_hash", HASH_BYTES)),
        header=_header(fields[3:8]),
        signature=_bytes(fields[8], "signature", SIGNATURE_BYTES),
    )
    _check_canonical(raw, encode_announcement(announcement))
    return announcement


def encode_intent(intent: ProvingIntent) -> bytes:
    """Canonical bytes of a proving intent."""
    return _pack([intent.number, intent.batch_hash, intent.prover, intent.expires_at])


def decode_intent(raw: bytes) -> ProvingIntent:
    """The intent in `raw`; MalformedMessage if it is not the canonical encoding of one."""
    fields = _unpack(raw, length=4)
    intent = ProvingIntent(
        number=BatchNumber(_integer(fields[0], "number", 1, MAX_NUMBER)),
        batch_hash=Hash(_bytes(fields[1], "batch_hash", HASH_BYTES)),
        prover=_bytes(fields[2], "prover", ADDRESS_BYTES),
        expires_at=_integer(fields[3], "expires_at", 0, MAX_NUMBER),
    )
    _check_canonical(raw, encode_intent(intent))
    return intent


def encode_status(status: Status) -> bytes:
    """Canonical bytes of a status."""
    return _pack([status.domain.to_bytes(32, "big"), list(status.addresses)])


def decode_status(raw: bytes) -> Status:
    """The status in `raw`; MalformedMessage if it is not the canonical encoding of one."""
    fields = _unpack(raw, length=2)
    addresses = fields[1]
    if type(addresses) is not list or len(addresses) > MAX_ADDRESSES:
        raise MalformedMessage(f"addresses: wanted a list of at most {MAX_ADDRESSES}")
    for address in addresses:
        if type(address) is not str or not 0 < len(address) <= MAX_ADDRESS_CHARACTERS:
            raise MalformedMessage(f"addresses: wanted texts of 1 to {MAX_ADDRESS_CHARACTERS} characters")
    status = Status(
        domain=FieldElement(int.from_bytes(_bytes(fields[0], "domain", HASH_BYTES))),
        addresses=tuple(addresses),
    )
    _check_canonical(raw, encode_status(status))
    return status


def encode_body_request(request: BodyRequest) -> bytes:
    """Canonical bytes of a request for bodies."""
    return _pack([request.first, request.count, request.batch_hash or b""])


def decode_body_request(raw: bytes) -> BodyRequest:
    """The request in `raw`; MalformedMessage if it is not the canonical encoding of one."""
    fields = _unpack(raw, length=3)
    by_hash = fields[2] != b""
    request = BodyRequest(
        first=BatchNumber(_integer(fields[0], "first", 1, MAX_NUMBER)),
        count=_integer(fields[1], "count", 1, 1 if by_hash else MAX_BATCHES_PER_REQUEST),
        batch_hash=Hash(_bytes(fields[2], "batch_hash", HASH_BYTES)) if by_hash else None,
    )
    _check_canonical(raw, encode_body_request(request))
    return request


def encode_body(number: BatchNumber, batch: Batch) -> bytes:
    """Canonical bytes of a numbered batch."""
    return _pack([number, *_header_fields(batch.header), batch.data])


def decode_body(raw: bytes, shape: Shape) -> tuple[BatchNumber, Batch]:
    """The numbered batch in `raw`, which must have `shape`; MalformedMessage otherwise."""
    fields = _unpack(raw, length=7, limit=max_body_bytes(shape))
    number = BatchNumber(_integer(fields[0], "number", 1, MAX_NUMBER))
    header = _header(fields[1:6])
    if header.shape != shape:
        raise MalformedMessage(f"shape: wanted {shape}, got {header.shape}")
    data = fields[6]
    if type(data) is not bytes:
        raise MalformedMessage(f"data: wanted bytes, got {type(data).__name__}")
    try:
        batch = Batch(header=header, data=data)
    except ValueError as error:
        raise MalformedMessage(str(error)) from error
    _check_canonical(raw, encode_body(number, batch))
    return number, batch


def max_body_bytes(shape: Shape) -> int:
    """Upper bound of `encode_body` for a batch of this shape."""
    return shape.slots * 128 + 64


def _pack(fields: list[Any]) -> bytes:
    return bytes(msgpack.packb(fields, use_bin_type=True))


def _unpack(raw: bytes, *, length: int, limit: int = MAX_MESSAGE_BYTES) -> list[Any]:
    """The array of `length` fields that `raw` holds; no maps, no extensions, no deep nesting."""
    if len(raw) > limit:
        raise MalformedMessage(f"message is {len(raw)} bytes, the limit is {limit}")
    try:
        fields = msgpack.unpackb(
            raw,
            raw=False,
            strict_map_key=True,
            max_array_len=MAX_ADDRESSES,
            max_map_len=0,
            max_ext_len=0,
            max_str_len=MAX_ADDRESS_CHARACTERS * 4,
            max_bin_len=limit,
        )
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise MalformedMessage(f"not msgpack: {type(error).__name__}") from error
    if type(fields) is not list or len(fields) != length:
        raise MalformedMessage(f"wanted an array of {length} fields")
    return fields


def _integer(value: object, name: str, low: int, high: int) -> int:
    """An exact int (never a bool) within bounds."""
    if type(value) is not int or not low <= value <= high:
        raise MalformedMessage(f"{name}: wanted an integer from {low} to {high}")
    return value


def _bytes(value: object, name: str, length: int) -> bytes:
    if type(value) is not bytes or len(value) != length:
        raise MalformedMessage(f"{name}: wanted {length} bytes")
    return value


def _header_fields(header: Header) -> list[int]:
    return [header.shape.slots, header.shape.depth, header.deposits, header.forced, header.fee_account]


def _header(fields: list[Any]) -> Header:
    slots = _integer(fields[0], "slots", 1, 255)
    depth = _integer(fields[1], "depth", 1, 24)
    deposits = _integer(fields[2], "deposits", 0, slots)
    return Header(
        shape=Shape(slots=slots, depth=depth),
        deposits=deposits,
        forced=_integer(fields[3], "forced", 0, slots - deposits),
        fee_account=AccountIndex(_integer(fields[4], "fee_account", 0, 2**48 - 1)),
    )


def _check_canonical(raw: bytes, encoded: bytes) -> None:
    if raw != encoded:
        raise MalformedMessage("not the canonical encoding of its content")
