"""The tree of expected failures: codes, one line each, and the drawing that documents it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import poe.errors
from poe.errors import AlreadyAccepted, InputError, L1Error, PoeError, Reverted, RpcRefused


def family(kind: type[PoeError]) -> Iterator[type[PoeError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == poe.errors.__name__:
            yield from family(child)


EVERY = list(family(PoeError))


def test_a_line_is_code_message_and_way_out() -> None:
    assert str(PoeError("it broke", fix="mend it", code="POE-X-1")) == "POE-X-1: it broke (mend it)"
    assert str(PoeError("it broke")) == "POE-000: it broke"


def test_a_code_of_its_own_does_not_change_the_class() -> None:
    PoeError("one", code="POE-X-1")
    assert str(PoeError("two")) == "POE-000: two"


def test_every_class_has_its_own_code() -> None:
    codes = [kind.code for kind in EVERY]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", EVERY[1:], ids=lambda kind: kind.__name__)
def test_codes_have_one_form_and_stand_in_the_drawing(kind: type[PoeError]) -> None:
    assert re.fullmatch(r"POE-[A-Z0-9]{2,3}-\d{3}", kind.code)
    drawing = poe.errors.__doc__ or ""
    (line,) = [line for line in drawing.splitlines() if re.search(rf"\b{kind.__name__}\b", line)]
    drawn = re.search(r"POE-[A-Z0-9]+-(\d{3}|…)", line)
    assert drawn is not None
    assert kind.code.startswith(drawn[0].rstrip("…"))


def test_the_drawing_names_no_class_that_is_gone() -> None:
    drawn = set(re.findall(r"── (\w+)", poe.errors.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in EVERY[1:]}


def test_a_lost_race_is_told_apart_from_other_reverts() -> None:
    lost = AlreadyAccepted("a rival won", name="AlreadyAccepted")
    assert isinstance(lost, Reverted)
    assert isinstance(lost, L1Error)
    assert (lost.name, lost.code) == ("AlreadyAccepted", "POE-L1-004")


def test_errors_carry_what_callers_decide_by() -> None:
    refused = RpcRefused("no", rpc_code=-32000, rpc_message="nonce too low", data=b"\1")
    assert (refused.rpc_code, refused.rpc_message, refused.data) == (-32000, "nonce too low", b"\1")
    assert InputError("bad", field="amount").field == "amount"
