"""Poseidon: known answers, the shape of its parameters, its refusals."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from poe.crypto.field import FIELD_ORDER
from poe.crypto.poseidon import FULL_ROUNDS, MAX_INPUTS, PARTIAL_ROUNDS, parameters, permute, poseidon
from poe.errors import InputError

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
CASES = json.loads((VECTORS / "poseidon.json").read_text())["cases"]


@pytest.mark.parametrize("count", range(1, MAX_INPUTS + 1))
def test_hash_is_circomlibs(count: int) -> None:
    cases = [case for case in CASES if len(case["inputs"]) == count]
    assert len(cases) >= 5
    for case in cases:
        assert poseidon([int(word, 16) for word in case["inputs"]]) == int(case["hash"], 16)


def test_hash_of_one_and_two_is_the_published_one() -> None:
    """The answer that circomlib's own tests and most ports of it quote."""
    assert poseidon([1, 2]) == 0x115CC0F5E7D690413DF64C6B9662E9CF2A3617F2743245519E19607A4417189A


@pytest.mark.parametrize("width", [2, 3, 6, 17])
def test_parameters_have_the_papers_shape(width: int) -> None:
    constants, matrix = parameters(width)
    assert len(constants) == FULL_ROUNDS + PARTIAL_ROUNDS[width - 2]
    assert {len(row) for row in constants} == {len(row) for row in matrix} == {width}
    assert len(matrix) == width
    drawn = [value for row in constants for value in row]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= value < FIELD_ORDER for value in drawn)


@pytest.mark.parametrize("width", [2, 5, 17])
def test_matrix_is_cauchys(width: int) -> None:
    """1/M[i][j] = x_i + y_j: the difference of two rows is the same in every column, and all entries differ."""
    _, matrix = parameters(width)
    inverses = [[pow(entry, -1, FIELD_ORDER) for entry in row] for row in matrix]
    for row in inverses[1:]:
        assert len({(a - b) % FIELD_ORDER for a, b in zip(row, inverses[0], strict=True)}) == 1
    assert len({entry for row in matrix for entry in row}) == width * width


def test_permutation_changes_every_element_when_one_does() -> None:
    before, after = permute([0, 1, 2]), permute([0, 1, 3])
    assert all(a != b for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("count", [0, MAX_INPUTS + 1])
def test_a_count_circomlib_has_no_parameters_for_is_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"1 to 16 field elements, got {count}"):
        poseidon([1] * count)


@pytest.mark.parametrize("value", [-1, FIELD_ORDER, 2**256])
def test_an_input_outside_the_field_is_refused_by_position(value: int) -> None:
    with pytest.raises(InputError, match=r"inputs\[1\] is not a field element"):
        poseidon([0, value, 0])


def test_roots_of_empty_subtrees_are_circomlibs() -> None:
    nodes = [int(word, 16) for word in json.loads((VECTORS / "merkle.json").read_text())["empty_nodes"]]
    assert nodes[0] == 0
    assert len(nodes) == 25
    for below, above in itertools.pairwise(nodes):
        assert poseidon([below] * 4) == above
