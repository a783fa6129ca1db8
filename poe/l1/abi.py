"""Shipped contract artifacts and their ABI: encode calls, decode answers, events and custom errors, canonically."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from poe.crypto.keccak import keccak256
from poe.errors import BadAnswer, ToolError

_SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function or error: its name, canonical argument types and names, result types."""

    name: str
    inputs: tuple[str, ...]
    input_names: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def signature(self) -> str:
        """Canonical, as hashed into the selector."""
        return f"{self.name}({','.join(self.inputs)})"

    @property
    def selector(self) -> bytes:
        """First four bytes of the signature's Keccak."""
        return keccak256(self.signature.encode())[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """An event: topic 0, types of the indexed arguments (all static here) and of the data."""

    name: str
    topic: bytes
    indexed: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """A decoded revert reason; `text` reads like `WrongNumber(number=3, expected=2)`."""

    name: str
    text: str


UNNAMED_REVERT = Revert(name="Unknown", text="no reason given")


@dataclass(frozen=True)
class Artifact:
    """One compiled contract, as shipped in the package."""

    name: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes

    @cached_property
    def functions(self) -> Mapping[str, Call]:
        """By name (our contracts overload nothing)."""
        return {call.name: call for call in self._calls("function")}

    @cached_property
    def errors(self) -> Mapping[bytes, Call]:
        """Custom errors by selector."""
        return {call.selector: call for call in self._calls("error")}

    @cached_property
    def events(self) -> Mapping[bytes, EventType]:
        """Events by topic 0."""
        found = (_event(entry) for entry in self.abi if entry["type"] == "event")
        return {event.topic: event for event in found}

    @cached_property
    def constructor_types(self) -> tuple[str, ...]:
        """Canonical types of the constructor's arguments."""
        for entry in self.abi:
            if entry["type"] == "constructor":
                return tuple(_canonical(part) for part in entry["inputs"])
        return ()

    def creation_code(self, *arguments: object) -> bytes:
        """Bytecode and encoded constructor arguments: the data of the deploying transaction."""
        return self.bytecode + encode(self.constructor_types, arguments)

    def encode_call(self, name: str, *arguments: object) -> bytes:
        """Selector and encoded arguments; tuples are passed as Python tuples."""
        call = self.functions[name]
        return call.selector + encode(call.inputs, arguments)

    def decode_result(self, name: str, answer: bytes) -> tuple[Any, ...]:
        """A call's results; BadAnswer if they are not exactly what the function returns."""
        try:
            return decode_exactly(self.functions[name].outputs, answer)
        except ValueError:
            raise BadAnswer(f"{self.name}.{name} answered {len(answer)} bytes that do not decode") from None

    def decode_revert(self, reason: bytes | None) -> Revert:
        """What a revert says, out of our custom errors and Solidity's own two; never raises."""
        if not reason:
            return UNNAMED_REVERT
        call = self.errors.get(reason[:4]) or _SOLIDITY_ERRORS.get(reason[:4])
        if call is None:
            return Revert(name="Unknown", text=f"unknown error 0x{reason[:4].hex()}")
        try:
            values = decode_exactly(call.inputs, reason[4:])
        except ValueError:
            return Revert(name=call.name, text=f"{call.name}(malformed arguments)")
        pairs = (f"{name}={_shown(value)}" for name, value in zip(call.input_names, values, strict=True))
        return Revert(name=call.name, text=f"{call.name}({', '.join(pairs)})")

    def _calls(self, kind: str) -> list[Call]:
        return [
            Call(
                name=entry["name"],
                inputs=tuple(_canonical(part) for part in entry["inputs"]),
                input_names=tuple(part["name"] or f"argument{i}" for i, part in enumerate(entry["inputs"])),
                outputs=tuple(_canonical(part) for part in entry.get("outputs", ())),
            )
            for entry in self.abi
            if entry["type"] == kind
        ]


_SOLIDITY_ERRORS = {
    call.selector: call
    for call in (
        Call(name="Error", inputs=("string",), input_names=("reason",), outputs=()),
        Call(name="Panic", inputs=("uint256",), input_names=("code",), outputs=()),
    )
}


def load_artifact(name: str) -> Artifact:
    """An artifact shipped with the package; ToolError when it is missing or no artifact."""
    file = resources.files("poe.l1") / "artifacts" / f"{name}.json"
    try:
        return parse_artifact(name, file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ToolError(f"the contract artifact {name}.json is not in this installation") from None


def parse_artifact(name: str, text: str) -> Artifact:
    """An artifact out of its JSON text: `abi`, `bytecode` as 0x hex."""
    try:
        fields = json.loads(text)
        bytecode = fields["bytecode"]
        hex_digits = bytecode["object"] if isinstance(bytecode, dict) else bytecode
        return Artifact(name=name, abi=tuple(fields["abi"]), bytecode=bytes.fromhex(hex_digits.removeprefix("0x")))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ToolError(f"the contract artifact {name}.json is malformed", fix="run scripts/contracts") from None


def decode_exactly(types: Sequence[str], payload: bytes) -> tuple[Any, ...]:
    """Values of a canonical ABI encoding; ValueError for dirty padding, odd offsets, or a byte too many."""
    try:
        values = decode(types, payload)
        again = encode(types, values)
    except (DecodingError, OverflowError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{len(payload)} bytes are no ABI encoding") from error
    if again != payload:
        raise ValueError(f"{len(payload)} bytes are no canonical ABI encoding")
    return values


def _event(entry: Mapping[str, Any]) -> EventType:
    types = [_canonical(part) for part in entry["inputs"]]
    flags = [part["indexed"] for part in entry["inputs"]]
    return EventType(
        name=entry["name"],
        topic=keccak256(f"{entry['name']}({','.join(types)})".encode()),
        indexed=tuple(kind for kind, flag in zip(types, flags, strict=True) if flag),
        data=tuple(kind for kind, flag in zip(types, flags, strict=True) if not flag),
    )


def _canonical(part: Mapping[str, Any]) -> str:
    """`tuple[]` with components becomes `(uint8,bytes)[]`."""
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_canonical(component) for component in part["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"[:_SHOWN_CHARACTERS]
    if isinstance(value, int):
        return str(value)
    return ascii(value)[:_SHOWN_CHARACTERS]
