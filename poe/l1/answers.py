"""Strict parsing of what an endpoint answers: JSON values become our types or BadAnswer, never a traceback."""

from __future__ import annotations

import re
from dataclasses import dataclass

from poe.errors import BadAnswer
from poe.l1.interface import BlockRef, Receipt
from poe.rollup.types import Address, Hash, Wei

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLog:
    """One log as the endpoint gave it, parsed but not yet decoded."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: Hash
    tx_hash: Hash
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReceipt:
    """The parts of a transaction receipt we use; `succeeded` is its status, `contract` what it created."""

    tx_hash: Hash
    block_number: int
    block_hash: Hash
    succeeded: bool
    gas_used: int
    effective_gas_price: int
    contract: Address | None

    @property
    def receipt(self) -> Receipt:
        """What callers are told of it."""
        return Receipt(
            tx_hash=self.tx_hash,
            block_number=self.block_number,
            gas_used=self.gas_used,
            effective_gas_price=Wei(self.effective_gas_price),
        )


def shown(value: object) -> str:
    """Any foreign value, safe and short enough for a message."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def quantity(value: object, name: str, *, bits: int = 64) -> int:
    """A JSON-RPC quantity (`0x0`, no leading zeros) below 2^bits."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise BadAnswer(f"{name} should be a hex quantity, got {shown(value)}")
    number = int(value, 16)
    if number >> bits:
        raise BadAnswer(f"{name} should be below 2^{bits}, got {shown(value)}")
    return number


def data(value: object, name: str, *, size: int | None = None) -> bytes:
    """JSON-RPC bytes (`0x` and whole pairs), of exactly `size` bytes if given."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise BadAnswer(f"{name} should be hex bytes, got {shown(value)}")
    raw = bytes.fromhex(value[2:])
    if size is not None and len(raw) != size:
        raise BadAnswer(f"{name} should be {size} bytes, got {len(raw)}")
    return raw


def record(value: object, name: str) -> dict[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise BadAnswer(f"{name} should be an object, got {shown(value)}")
    return value


def array(value: object, name: str) -> list[object]:
    """A JSON array."""
    if not isinstance(value, list):
        raise BadAnswer(f"{name} should be an array, got {shown(value)}")
    return value


def block_ref(value: object) -> BlockRef:
    """A block's number, hash, parent and time out of an `eth_getBlockBy…` answer."""
    block = record(value, "block")
    return BlockRef(
        number=quantity(block.get("number"), "block.number"),
        hash=Hash(data(block.get("hash"), "block.hash", size=32)),
        parent_hash=Hash(data(block.get("parentHash"), "block.parentHash", size=32)),
        timestamp=quantity(block.get("timestamp"), "block.timestamp"),
    )


def raw_log(value: object) -> RawLog:
    """One entry of an `eth_getLogs` answer."""
    log = record(value, "log")
    if log.get("removed", False) is not False:
        raise BadAnswer("eth_getLogs answered a removed log")
    topics = array(log.get("topics"), "log.topics")
    if len(topics) > 4:
        raise BadAnswer(f"a log has at most 4 topics, got {len(topics)}")
    return RawLog(
        address=Address(data(log.get("address"), "log.address", size=20)),
        topics=tuple(data(topic, "log.topic", size=32) for topic in topics),
        data=data(log.get("data"), "log.data"),
        block_number=quantity(log.get("blockNumber"), "log.blockNumber"),
        block_hash=Hash(data(log.get("blockHash"), "log.blockHash", size=32)),
        tx_hash=Hash(data(log.get("transactionHash"), "log.transactionHash", size=32)),
        log_index=quantity(log.get("logIndex"), "log.logIndex", bits=32),
    )


def raw_receipt(value: object) -> RawReceipt:
    """An `eth_getTransactionReceipt` answer that is not null."""
    receipt = record(value, "receipt")
    contract = receipt.get("contractAddress")
    return RawReceipt(
        tx_hash=Hash(data(receipt.get("transactionHash"), "receipt.transactionHash", size=32)),
        block_number=quantity(receipt.get("blockNumber"), "receipt.blockNumber"),
        block_hash=Hash(data(receipt.get("blockHash"), "receipt.blockHash", size=32)),
        succeeded=quantity(receipt.get("status"), "receipt.status", bits=1) == 1,
        gas_used=quantity(receipt.get("gasUsed"), "receipt.gasUsed"),
        effective_gas_price=quantity(receipt.get("effectiveGasPrice"), "receipt.effectiveGasPrice", bits=128),
        contract=None if contract is None else Address(data(contract, "receipt.contractAddress", size=20)),
    )
