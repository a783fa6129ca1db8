"""Every error code in the program is explained, every explained one is in use, and the page lists them."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from poe.cli.explain import explain
from poe.codes import AREAS, CODES
from poe.errors import InputError, PoeError

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"POE-[A-Z0-9]+-[0-9]{3}\b")
CATALOGUE = ROOT / "poe" / "codes.py"


def codes_in_use() -> set[str]:
    sources = [path for path in (ROOT / "poe").rglob("*.py") if path != CATALOGUE]
    return {code for path in sources for code in CODE.findall(path.read_text())}


def subclasses(kind: type[PoeError]) -> set[type[PoeError]]:
    return {kind} | {deeper for below in kind.__subclasses__() for deeper in subclasses(below)}


def test_every_code_in_the_program_is_explained_and_every_explained_one_is_in_use() -> None:
    assert codes_in_use() == set(CODES)


def test_codes_are_well_formed_sorted_by_area_and_number() -> None:
    areas = list(AREAS)
    assert all(CODE.fullmatch(code) for code in CODES)
    assert list(CODES) == sorted(CODES, key=lambda code: (areas.index(code.split("-")[1]), code))


def test_every_text_is_a_sentence_and_fits_a_cell() -> None:
    for code, meaning in CODES.items():
        for text in (meaning.what, meaning.way_out):
            assert text.endswith((".", "?")), code
            assert not set("|\n") & set(text), code


def test_every_kind_of_error_has_an_explained_code() -> None:
    import poe.net.dialer
    import poe.net.sync  # noqa: F401

    assert {kind.code for kind in subclasses(PoeError)} - {"POE-000"} <= set(CODES)


def test_the_page_is_current() -> None:
    rendered: str = runpy.run_path(str(ROOT / "scripts" / "errors_table.py"))["render"]()
    assert (ROOT / "docs" / "errors.md").read_text() == rendered, "run scripts/errors-table"
    assert CODE.findall(rendered)[0] in CODES


@pytest.mark.parametrize("written", ["POE-L1-004", "poe-l1-004", "L1-004"])
def test_a_code_is_explained_however_it_is_written(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    explain(written)
    said = capsys.readouterr().out
    assert said.startswith("POE-L1-004  ")
    assert CODES["POE-L1-004"].what in said
    assert CODES["POE-L1-004"].way_out in said


def test_without_a_code_all_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    explain()
    assert CODE.findall(capsys.readouterr().out) == list(CODES)


def test_an_unknown_code_is_refused_with_a_near_one() -> None:
    with pytest.raises(InputError, match="did you mean POE-L1-00"):
        explain("POE-L1-044")
    with pytest.raises(InputError, match="lists all of them"):
        explain("nonsense")
