"""The circuit as a judge of its own: a compiled `.r1cs`, and whether a `.wtns` satisfies it, in plain integers.

Shares no code with the prover: if a witness satisfies the constraints here, its public wires C, x, y are what the
circuit holds true. Formats: iden3's r1csfile and binfileutils specifications, little-endian, `n8` bytes a number.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from poe.backend import native
from poe.crypto.field import FIELD_ORDER
from poe.rollup.types import Shape

NUMBER_BYTES = 32
HEADER, CONSTRAINTS = 1, 2
WITNESS_VALUES = 2

Row = list[tuple[int, int]]
"""Wires and their coefficients."""


def sections(data: bytes, magic: bytes) -> dict[int, bytes]:
    """The sections of a file in iden3's container, by type; ValueError for another format."""
    if data[:4] != magic:
        raise ValueError(f"file starts with {data[:4]!r}, wanted {magic!r}")
    found, at = {}, 12
    while at < len(data):
        kind, length = struct.unpack_from("<IQ", data, at)
        found[kind] = data[at + 12 : at + 12 + length]
        at += 12 + length
    return found


@dataclass(frozen=True, slots=True)
class R1cs:
    """Rows A, B, C of each constraint: (A·w) · (B·w) = C·w."""

    constraints: list[tuple[Row, Row, Row]]
    wires: int

    @classmethod
    def read(cls, path: Path) -> R1cs:
        """The circuit in a `.r1cs` file."""
        found = sections(path.read_bytes(), b"r1cs")
        n8 = struct.unpack_from("<I", found[HEADER])[0]
        if n8 != NUMBER_BYTES or int.from_bytes(found[HEADER][4 : 4 + n8], "little") != FIELD_ORDER:
            raise ValueError(f"{path} is not over BN254's scalar field")
        wires, *_, count = struct.unpack_from("<IIIIQI", found[HEADER], 4 + n8)
        body, at, constraints = found[CONSTRAINTS], 0, []
        for _ in range(count):
            rows = []
            for _ in range(3):
                row, at = _read_row(body, at)
                rows.append(row)
            constraints.append((rows[0], rows[1], rows[2]))
        return cls(constraints, wires)

    @classmethod
    def compile(cls, shape: Shape, folder: Path) -> R1cs:
        """The batch circuit of a shape, by way of the files that `poe circuit export` writes."""
        native.export_circuit(shape, r1cs=folder / "circuit.r1cs", zkey=folder / "circuit.zkey")
        return cls.read(folder / "circuit.r1cs")

    def broken(self, witness: list[int]) -> list[int]:
        """The constraints that a witness breaks."""
        if len(witness) != self.wires or witness[0] != 1:
            raise ValueError("not a witness of this circuit")
        return [number for number, rows in enumerate(self.constraints) if not _holds(rows, witness)]


def _read_row(body: bytes, at: int) -> tuple[Row, int]:
    (terms,) = struct.unpack_from("<I", body, at)
    at, row = at + 4, []
    for _ in range(terms):
        (wire,) = struct.unpack_from("<I", body, at)
        coefficient = int.from_bytes(body[at + 4 : at + 4 + NUMBER_BYTES], "little")
        # Small negative numbers are written as r minus them: products stay short with their own sign.
        row.append((wire, coefficient - FIELD_ORDER if coefficient > FIELD_ORDER // 2 else coefficient))
        at += 4 + NUMBER_BYTES
    return row, at


def _holds(rows: tuple[Row, Row, Row], witness: list[int]) -> bool:
    a, b, c = (sum(witness[wire] * coefficient for wire, coefficient in row) for row in rows)
    return (a * b - c) % FIELD_ORDER == 0


def read_witness(path: Path) -> list[int]:
    """The wires' values in a `.wtns` file."""
    values = sections(path.read_bytes(), b"wtns")[WITNESS_VALUES]
    return [int.from_bytes(values[i : i + NUMBER_BYTES], "little") for i in range(0, len(values), NUMBER_BYTES)]
