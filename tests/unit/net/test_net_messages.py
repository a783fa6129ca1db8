"""Canonical messages: one byte string for each, and nothing else is decoded."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.crypto.keccak import keccak256
from poe.net import messages
from poe.net.interface import BatchAnnouncement, ProvingIntent
from poe.net.messages import BodyRequest, MalformedMessage, Status
from poe.rollup.types import AccountIndex, Batch, BatchNumber, FieldElement, Hash, Header, Shape
from tests.fakes_net import DOMAIN, SHAPE, SequencerKey, make_batch, recover

shapes = st.builds(Shape, slots=st.integers(1, 255), depth=st.integers(1, 24))
hashes = st.binary(min_size=32, max_size=32).map(Hash)
numbers = st.integers(1, 2**64 - 1).map(BatchNumber)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    shape = draw(shapes)
    deposits = draw(st.integers(0, shape.slots))
    return Header(
        shape=shape,
        deposits=deposits,
        forced=draw(st.integers(0, shape.slots - deposits)),
        fee_account=AccountIndex(draw(st.integers(0, 2**48 - 1))),
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    header = draw(headers())
    return Batch(header=header, data=draw(st.binary(min_size=1, max_size=1)) * (header.shape.slots * 128))


announcements = st.builds(
    BatchAnnouncement,
    number=numbers,
    parent_hash=hashes,
    batch_hash=hashes,
    header=headers(),
    signature=st.binary(min_size=65, max_size=65),
)
intents = st.builds(
    ProvingIntent,
    number=numbers,
    batch_hash=hashes,
    prover=st.binary(min_size=20, max_size=20),
    expires_at=st.integers(0, 2**64 - 1),
)
statuses = st.builds(
    Status,
    domain=st.integers(0, 2**256 - 1).map(FieldElement),
    addresses=st.lists(st.text(min_size=1, max_size=160), max_size=16).map(tuple),
)
requests = st.one_of(
    st.builds(BodyRequest, first=numbers, count=st.integers(1, 64), batch_hash=st.none()),
    st.builds(BodyRequest, first=numbers, count=st.just(1), batch_hash=hashes),
)

DECODERS = [
    messages.decode_announcement,
    messages.decode_intent,
    messages.decode_status,
    messages.decode_body_request,
    lambda raw: messages.decode_body(raw, SHAPE),
]
ANNOUNCEMENT = SequencerKey().announce(5, make_batch(5))
FIELDS = msgpack.unpackb(messages.encode_announcement(ANNOUNCEMENT))


@given(announcements)
def test_announcement_round_trips(announcement: BatchAnnouncement) -> None:
    assert messages.decode_announcement(messages.encode_announcement(announcement)) == announcement


@given(intents)
def test_intent_round_trips(intent: ProvingIntent) -> None:
    assert messages.decode_intent(messages.encode_intent(intent)) == intent


@given(statuses)
def test_status_round_trips(status: Status) -> None:
    raw = messages.encode_status(status)
    if len(raw) <= messages.MAX_MESSAGE_BYTES:
        assert messages.decode_status(raw) == status


@given(requests)
def test_body_request_round_trips(request: BodyRequest) -> None:
    assert messages.decode_body_request(messages.encode_body_request(request)) == request


@given(numbers, batches())
def test_body_round_trips(number: BatchNumber, batch: Batch) -> None:
    raw = messages.encode_body(number, batch)
    assert len(raw) <= messages.max_body_bytes(batch.header.shape)
    assert messages.decode_body(raw, batch.header.shape) == (number, batch)


@given(st.sampled_from(DECODERS), st.binary(max_size=200))
def test_random_bytes_are_malformed_or_canonical(decode, raw: bytes) -> None:
    try:
        decode(raw)
    except MalformedMessage:
        return
    assert msgpack.packb(msgpack.unpackb(raw)) == raw


@given(announcements, st.data())
def test_any_changed_byte_is_malformed_or_another_announcement(announcement, data) -> None:
    raw = bytearray(messages.encode_announcement(announcement))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = messages.decode_announcement(bytes(raw))
    except MalformedMessage:
        return
    assert decoded != announcement
    assert messages.encode_announcement(decoded) == bytes(raw)


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, True),
        (0, 0),
        (0, -1),
        (0, 2**64 - 1.0),
        (0, "5"),
        (1, bytes(31)),
        (1, bytes(33)),
        (1, "0" * 32),
        (2, None),
        (3, 0),
        (3, 256),
        (4, 25),
        (5, 5),
        (5, False),
        (6, 5),
        (6, -1),
        (6, False),
        (7, 2**48),
        (7, -1),
        (8, bytes(64)),
        (8, bytes(66)),
        (8, [65]),
    ],
)
def test_a_field_of_wrong_type_or_range_is_malformed(index: int, value: object) -> None:
    fields = list(FIELDS)
    fields[index] = value
    with pytest.raises(MalformedMessage):
        messages.decode_announcement(msgpack.packb(fields))


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        b"\x90",
        b"\x80",
        msgpack.packb({1: 2}),
        msgpack.packb(msgpack.Timestamp(1, 2)),
        msgpack.packb([msgpack.ExtType(4, b"x")] * 9),
        b"\x91" * 4096,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xa1\xff",
        msgpack.packb([float("nan")] * 4),
        msgpack.packb([0] * 9),
    ],
)
def test_hostile_encodings_are_malformed(decode, raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(raw)


def test_a_number_spelt_longer_than_needed_is_malformed() -> None:
    raw = messages.encode_announcement(ANNOUNCEMENT)
    assert raw[1] == 5
    with pytest.raises(MalformedMessage, match="canonical"):
        messages.decode_announcement(raw[:1] + b"\xcc\x05" + raw[2:])


def test_trailing_bytes_are_malformed() -> None:
    with pytest.raises(MalformedMessage):
        messages.decode_announcement(messages.encode_announcement(ANNOUNCEMENT) + b"\x00")


def test_a_message_above_the_size_cap_is_malformed_before_it_is_parsed() -> None:
    with pytest.raises(MalformedMessage, match="limit is 4096"):
        messages.decode_announcement(bytes(4097))


def test_a_body_of_another_shape_is_malformed() -> None:
    raw = messages.encode_body(BatchNumber(1), make_batch(1, Shape(slots=3, depth=5)))
    with pytest.raises(MalformedMessage, match="shape"):
        messages.decode_body(raw, SHAPE)


def test_a_body_one_byte_short_is_malformed() -> None:
    fields = msgpack.unpackb(messages.encode_body(BatchNumber(1), make_batch(1)))
    fields[-1] = fields[-1][:-1]
    with pytest.raises(MalformedMessage):
        messages.decode_body(msgpack.packb(fields), SHAPE)


def test_a_request_by_hash_is_for_one_batch() -> None:
    raw = messages.encode_body_request(BodyRequest(first=BatchNumber(1), count=2, batch_hash=Hash(bytes(32))))
    with pytest.raises(MalformedMessage, match="count"):
        messages.decode_body_request(raw)


def test_signature_recovers_to_the_signer_over_this_domain_alone() -> None:
    key = SequencerKey()
    announcement = key.announce(5, make_batch(5))
    fields = {
        "number": announcement.number,
        "parent_hash": announcement.parent_hash,
        "batch_hash": announcement.batch_hash,
        "header": announcement.header,
    }
    digest = messages.announcement_digest(domain=DOMAIN, **fields)
    other = messages.announcement_digest(domain=FieldElement(DOMAIN + 1), **fields)
    assert recover(digest, announcement.signature) == key.address
    assert recover(other, announcement.signature) != key.address


@pytest.mark.parametrize(
    "change",
    [
        {"number": BatchNumber(6)},
        {"parent_hash": Hash(b"\x01" * 32)},
        {"batch_hash": Hash(b"\x01" * 32)},
        {"header": replace(ANNOUNCEMENT.header, deposits=1)},
        {"header": replace(ANNOUNCEMENT.header, fee_account=AccountIndex(1))},
        {"header": replace(ANNOUNCEMENT.header, shape=Shape(slots=5, depth=5))},
    ],
)
def test_every_field_is_in_the_digest(change: dict) -> None:
    changed = replace(ANNOUNCEMENT, **change)
    digests = {
        messages.announcement_digest(
            domain=DOMAIN,
            number=each.number,
            parent_hash=each.parent_hash,
            batch_hash=each.batch_hash,
            header=each.header,
        )
        for each in (ANNOUNCEMENT, changed)
    }
    assert len(digests) == 2


def test_digest_of_known_fields() -> None:
    header = Header(shape=Shape(slots=4, depth=5), deposits=1, forced=0, fee_account=AccountIndex(2))
    digest = messages.announcement_digest(
        domain=FieldElement(3),
        number=BatchNumber(4),
        parent_hash=Hash(b"\x05" * 32),
        batch_hash=Hash(b"\x06" * 32),
        header=header,
    )
    words = [f"{value:064x}" for value in (3, 4, int("05" * 32, 16), int("06" * 32, 16), 4 * 256 + 5, 1, 0, 2)]
    assert digest == keccak256(b"\x19poe batch announcement 1\n" + bytes.fromhex("".join(words)))
    assert digest.hex() == "c3379e88572289dcae192282a7ee3ef9e1bb079ebc69e5ce37480a73fe5c5ef2"


def test_topics_carry_domain_and_version() -> None:
    assert messages.topic(FieldElement(0xAB), "batch") == f"/poe/{'0' * 62}ab/batch/1"


def test_messages_and_interface_do_not_load_libp2p() -> None:
    code = "import sys, poe.net.messages, poe.net.interface; sys.exit('libp2p' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
