"""Reads a proof back out of the transaction that landed it; events name the payee but leave the proof in calldata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poe.errors import BadAnswer
from poe.l1 import answers
from poe.l1.abi import Artifact, decode_exactly
from poe.l1.rpc import JsonRpc
from poe.rollup.types import BatchNumber, Hash

SUBMITTING = ("submitProof", "submitProofs")


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedProof:
    """A proof as it stands in calldata: the commitment C and the eight words of A, B and C."""

    commitment: int
    words: tuple[int, ...]


async def read_landed(rpc: JsonRpc, artifact: Artifact, tx_hash: Hash, number: BatchNumber) -> LandedProof | None:
    """The proof of a batch in a transaction; None when it was landed through another contract. L1Error."""
    calldata = await read_calldata(rpc, tx_hash)
    return None if calldata is None else decode_landed(artifact, calldata, number)


async def read_calldata(rpc: JsonRpc, tx_hash: Hash) -> bytes | None:
    """What a transaction called its contract with; None when the endpoint does not know it. L1Error."""
    found = await rpc.call("eth_getTransactionByHash", "0x" + tx_hash.hex())
    return None if found is None else answers.data(answers.record(found, "transaction").get("input"), "input")


def decode_landed(artifact: Artifact, calldata: bytes, number: BatchNumber) -> LandedProof | None:
    """The proof of a batch in a call's data; None when it is no call that submits one."""
    for submission in submissions_in(artifact, calldata):
        if submission["number"] == number:
            return LandedProof(commitment=submission["commitment"], words=tuple(submission["proof"]))
    return None


def submissions_in(artifact: Artifact, calldata: bytes) -> list[Mapping[str, Any]]:
    """The submissions in a call's data by field name, none in a call that submits none; BadAnswer for a broken one."""
    for name in SUBMITTING:
        call = artifact.functions.get(name)
        if call is None or calldata[:4] != call.selector:
            continue
        try:
            (argument,) = decode_exactly(call.inputs, calldata[4:])
        except ValueError:
            raise BadAnswer(f"the data of a {name} does not decode") from None
        entry = next(entry for entry in artifact.abi if entry["type"] == "function" and entry["name"] == name)
        part = entry["inputs"][0]
        names = [component["name"] for component in part["components"]]
        found = argument if part["type"].endswith("[]") else [argument]
        return [dict(zip(names, submission, strict=True)) for submission in found]
    return []
