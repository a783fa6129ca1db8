"""Tests and functions that the documents name exist, and the documents' bounds are right."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from poe.crypto.field import FIELD_ORDER
from poe.rollup.statement import statement_length
from poe.rollup.types import Shape

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
NAMED_TEST = re.compile(r"`([\w./-]+\.(?:py|rs|sol))::(\w+)`")
NAMED_PART = re.compile(r"`(\w+)`\s+in\s+`([\w./-]+\.(?:py|rs|sol))`")
DEFINED = r"\b(?:def|fn|function|struct|class|enum|constant)\s+{0}\b"
CLASSES = [f"C{number}" for number in range(1, 24)] + [f"M{number}" for number in range(1, 19)]


def named_tests(document: Path) -> list[tuple[str, str]]:
    """Files and the tests in them."""
    return NAMED_TEST.findall(document.read_text())


def defines(path: Path, name: str) -> bool:
    return path.is_file() and re.search(DEFINED.format(re.escape(name)), path.read_text()) is not None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tests_that_a_document_names_exist(document: Path) -> None:
    assert [(path, name) for path, name in named_tests(document) if not defines(ROOT / path, name)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_code_that_a_document_names_is_in_the_file_it_names(document: Path) -> None:
    found = [(name, path) for name, path in NAMED_PART.findall(document.read_text())]
    assert [(name, path) for name, path in found if not defines(ROOT / path, name)] == []


def test_a_name_that_is_only_mentioned_is_not_defined(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("def there() -> None:\n    # nowhere\n    nowhere()\n")
    assert defines(source, "there")
    assert not defines(source, "nowhere")
    assert not defines(tmp_path / "b.py", "there")


def test_every_class_of_faults_has_a_row_with_a_test() -> None:
    rows = [
        line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if re.match(r"\| [CM]\d+ \|", line)
    ]
    assert [row.split()[1] for row in rows] == CLASSES
    assert [row.split()[1] for row in rows if not NAMED_TEST.search(row)] == []


def test_the_protocol_names_code_and_the_bounds_of_its_statement_hold() -> None:
    """One attempt at another V: 6·(|V| − 1) / 2^256 at most, where 6 is the most preimages that a residue has."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    assert len(NAMED_PART.findall(text)) >= 8
    assert -(-(2**256) // FIELD_ORDER) == 6
    rows = re.findall(r"\| (?:(\d+)x(\d+)|(255) slots[^|]*) \| (\d+) \| < 2\^-(\d+) \| < 2\^-(\d+) \|", text)
    assert len(rows) == 3
    for slots, depth, most, length, one, many in rows:
        shape = Shape(slots=int(slots or most), depth=int(depth or 24))
        assert statement_length(shape) == int(length)
        attempt = Fraction(6 * (int(length) - 1), 2**256)
        assert attempt < Fraction(int(length), 2**253)
        assert Fraction(1, 2 ** (int(one) + 1)) <= attempt < Fraction(1, 2 ** int(one))
        assert int(many) == int(one) - 100
