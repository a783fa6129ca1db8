"""Poseidon over BN254's scalar field with circomlib's parameters, written as the paper defines it.

Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge
Proof Systems", USENIX Security 2021 (eprint 2019/458): the permutation is section 4, constants and matrix come
from the Grain LFSR of appendix F.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice

from poe.crypto.field import FIELD_ORDER
from poe.errors import InputError

FULL_ROUNDS = 8
PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
"""Partial rounds for a state of t = 2..17 elements, circomlib's choice."""
MAX_INPUTS = len(PARTIAL_ROUNDS)

_FIELD_BITS = 254
_STATE_BITS = 80


def poseidon(inputs: Sequence[int]) -> int:
    """Hash of 1 to 16 field elements: permute (0, inputs...) and take the first element.

    InputError when there are too few or too many inputs, or one is not in [0, r).
    """
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise InputError(f"inputs: Poseidon takes 1 to {MAX_INPUTS} field elements, got {len(inputs)}")
    for position, value in enumerate(inputs):
        if not 0 <= value < FIELD_ORDER:
            raise InputError(f"inputs[{position}] is not a field element: {value}")
    return permute([0, *inputs])[0]


def permute(state: Sequence[int]) -> list[int]:
    """The Poseidon permutation: half the full rounds, the partial rounds, the other half of the full rounds."""
    width = len(state)
    partial = PARTIAL_ROUNDS[width - 2]
    constants, matrix = parameters(width)
    for number in range(FULL_ROUNDS + partial):
        keyed = [(x + c) % FIELD_ORDER for x, c in zip(state, constants[number], strict=True)]
        is_full = not FULL_ROUNDS // 2 <= number < FULL_ROUNDS // 2 + partial
        boxed = [_sbox(x) for x in keyed] if is_full else [_sbox(keyed[0]), *keyed[1:]]
        state = [sum(m * x for m, x in zip(row, boxed, strict=True)) % FIELD_ORDER for row in matrix]
    return list(state)


def _sbox(value: int) -> int:
    square = value * value % FIELD_ORDER
    return square * square % FIELD_ORDER * value % FIELD_ORDER


@cache
def parameters(width: int) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Round constants (one row a round) and the MDS matrix of a state of `width` elements.

    Constants are drawn by rejection; the 2t elements of the Cauchy matrix M[i][j] = 1 / (x_i + y_j) follow from
    the same bit stream, reduced instead of rejected (appendix F; the first matrix passes for each t = 2..17).
    """
    partial = PARTIAL_ROUNDS[width - 2]
    bits = _grain_bits(width, partial)
    elements = filter(lambda value: value < FIELD_ORDER, iter(lambda: _take(bits), -1))
    constants = tuple(tuple(islice(elements, width)) for _ in range(FULL_ROUNDS + partial))
    seeds = [_take(bits) % FIELD_ORDER for _ in range(2 * width)]
    xs, ys = seeds[:width], seeds[width:]
    return constants, tuple(tuple(pow(x + y, -1, FIELD_ORDER) for y in ys) for x in xs)


def _take(bits: Iterator[int]) -> int:
    """The next 254 bits as a number, most significant bit first."""
    value = 0
    for bit in islice(bits, _FIELD_BITS):
        value = value << 1 | bit
    return value


def _grain_bits(width: int, partial: int) -> Iterator[int]:
    """Appendix F: an 80-bit LFSR that describes the instance, 160 bits thrown away, then self-shrinking.

    The register is kept as a number whose most significant bit is the oldest, so bit i of the paper is
    bit 79 - i here: taps 62, 51, 38, 23, 13, 0.
    """
    register = 1  # two bits: a prime field; then four bits 0: the S-box x^alpha
    for value, size in ((0, 4), (_FIELD_BITS, 12), (width, 12), (FULL_ROUNDS, 10), (partial, 10)):
        register = register << size | value
    register = register << 30 | (1 << 30) - 1
    mask = (1 << _STATE_BITS) - 1

    def clock() -> int:
        nonlocal register
        taps = register >> 17 ^ register >> 28 ^ register >> 41 ^ register >> 56 ^ register >> 66 ^ register >> 79
        register = (register << 1 & mask) | taps & 1
        return taps & 1

    for _ in range(160):
        clock()
    while True:
        keep, bit = clock(), clock()
        if keep:
            yield bit
