"""The changes that a mutation run makes to the contracts: each compiles to something else, none touches text."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "contracts" / "assurance"))

from mutants import Mutant, mutants, sample  # noqa: E402

SOURCE = """// if (a < b) revert Nothing();
import {A} from "./A.sol";
contract C {
    uint256 constant TEN = 10;
    string constant text = "a < b";
    function f(uint256 a, uint256 b) external returns (uint256 c) {
        if (a < b) revert Small(a); // a > b
        c = a + 1;
        emit Seen(c);
        assembly ("memory-safe") {
            if lt(a, 7) { c := 0 }
        }
        _store(a && b);
    }
}
"""


def of(operator: str, source: str = SOURCE) -> list[tuple[str, str]]:
    return [(mutant.old, mutant.new) for mutant in mutants(source) if mutant.operator == operator]


def test_operators_of_bodies_are_swapped() -> None:
    assert of("operator") == [("<", "<="), ("<", ">="), ("+", "-"), ("&&", "||")]


def test_a_guard_is_switched_off_and_on() -> None:
    assert of("guard off") == [("a < b", "false && (a < b)")]
    assert of("guard on") == [("a < b", "true || (a < b)")]


def test_a_guard_over_several_lines_and_brackets_is_kept_whole() -> None:
    source = "contract C { function f() external { if (\n(g(a)) == (b)\n) revert X(); } }"
    assert [old.split() for old, _ in of("guard off", source)] == [["(g(a))", "==", "(b)"]]


def test_literals_grow_by_one_in_bodies_alone() -> None:
    assert of("literal") == [("1", "2")]


def test_statements_are_left_out() -> None:
    assert [old for old, _ in of("left out")] == ["c = a + 1;", "emit Seen(c);", "_store(a && b);"]


def test_a_mutant_changes_its_place_alone_and_knows_its_line() -> None:
    plus = next(mutant for mutant in mutants(SOURCE) if mutant.old == "+")
    assert plus.apply(SOURCE) == SOURCE.replace("a + 1", "a - 1")
    assert plus.line(SOURCE) == 8


@pytest.mark.parametrize("path", sorted((ROOT / "contracts" / "src").glob("*.sol")), ids=lambda path: path.name)
def test_every_mutant_of_the_contracts_differs_from_them(path: Path) -> None:
    source = path.read_text()
    assert all(mutant.apply(source) != source for mutant in mutants(source))


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order() -> None:
    everything = [("A.sol", Mutant("literal", i, "1", "2")) for i in range(100)]
    drawn = sample(everything, 10, seed=7)
    assert drawn == sample(everything, 10, seed=7) != sample(everything, 10, seed=8)
    assert drawn == sorted(drawn, key=lambda item: item[1].start)
    assert sample(everything, 1000, seed=1) == everything
