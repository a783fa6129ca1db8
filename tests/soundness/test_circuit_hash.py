"""The circuit hash is what docs/protocol.md, section 7, says, computed again from the exported circuit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from poe.backend import native
from poe.crypto.field import FIELD_ORDER
from poe.rollup.types import Shape
from tests.differential.r1cs import R1cs, Row

PUBLIC_INPUTS = 3
NAME = b"poe-r1cs-1"
SHAPE = Shape(slots=1, depth=1)


def integer(value: int) -> bytes:
    return value.to_bytes(4, "big")


def row_bytes(row: Row) -> bytes:
    terms = [integer(wire) + (coefficient % FIELD_ORDER).to_bytes(32, "big") for wire, coefficient in row]
    return integer(len(row)) + b"".join(terms)


def circuit_hash(r1cs: R1cs) -> bytes:
    hasher = hashlib.sha256(NAME)
    hasher.update(b"".join(map(integer, (r1cs.wires, PUBLIC_INPUTS, len(r1cs.constraints)))))
    for rows in r1cs.constraints:
        hasher.update(b"".join(map(row_bytes, rows)))
    return b"\0" + hasher.digest()[1:]


@pytest.fixture(scope="module")
def r1cs(tmp_path_factory: pytest.TempPathFactory) -> R1cs:
    return R1cs.compile(SHAPE, tmp_path_factory.mktemp("circuit"))


def test_it_is_the_hash_of_the_documented_bytes(r1cs: R1cs) -> None:
    assert circuit_hash(r1cs) == native.circuit_info(SHAPE).hash


def test_terms_ascend_and_no_coefficient_is_zero(r1cs: R1cs) -> None:
    for rows in r1cs.constraints:
        for row in rows:
            wires = [wire for wire, _ in row]
            assert wires == sorted(set(wires))
            assert all(coefficient % FIELD_ORDER for _, coefficient in row)


def test_another_constraint_order_or_coefficient_is_another_circuit(r1cs: R1cs) -> None:
    found, (a, b, c) = circuit_hash(r1cs), r1cs.constraints[-1]
    swapped = R1cs([*r1cs.constraints[:-2], (a, b, c), r1cs.constraints[-2]], r1cs.wires)
    scaled = R1cs([*r1cs.constraints[:-1], ([(wire, 2 * k) for wire, k in a], b, c)], r1cs.wires)
    assert len({found, circuit_hash(swapped), circuit_hash(scaled)}) == 3


def test_the_circuit_is_the_same_however_it_is_exported(r1cs: R1cs, tmp_path: Path) -> None:
    assert R1cs.compile(SHAPE, tmp_path) == r1cs
