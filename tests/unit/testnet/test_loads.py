"""Several load drivers as one: their shares add up, and only a sequencer that is gone ends one of them."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from poe.errors import SequencerError
from poe.sequencer.client import UNREACHABLE
from poe.testnet.load import LoadPlan
from poe.testnet.loads import Loads, _share

PLAN = LoadPlan(users=6, transactions_per_second=9.0, seed=4)


def loads(*runs: Any) -> Loads:
    made = Loads(clients=[None] * len(runs), arbiter=None, signer=None, plan=PLAN)  # type: ignore[arg-type,list-item]
    for load, run in zip(made._loads, runs, strict=True):
        load.run = run  # type: ignore[method-assign]
    return made


async def gone() -> None:
    await trio.lowlevel.checkpoint()
    raise SequencerError("nobody there", code=UNREACHABLE)


async def refused() -> None:
    await trio.lowlevel.checkpoint()
    raise SequencerError("another reason", code="POE-SEQ-033")


def test_one_driver_has_all_of_the_plan() -> None:
    assert _share(PLAN, 0, 1) is PLAN


def test_shares_add_up_and_have_no_user_in_common() -> None:
    shares = [_share(PLAN, place, 3) for place in range(3)]
    assert sum(share.transactions_per_second for share in shares) == pytest.approx(9.0)
    assert [share.users for share in shares] == [2, 2, 2]
    assert len({share.seed for share in shares}) == 3


def test_a_summary_adds_all_up() -> None:
    made = loads(gone, gone)
    for load, accepted in zip(made._loads, (3, 5), strict=True):
        load._accepted = accepted
        load._rejections = {"POE-SEQ-001": 1, f"POE-SEQ-00{accepted}": 2}
    summary = made.summary()
    assert (summary["accepted"], summary["rejected"]) == (8, 6)
    assert summary["rejections"] == {"POE-SEQ-001": 2, "POE-SEQ-003": 2, "POE-SEQ-005": 2}


async def test_a_sequencer_that_is_gone_does_not_end_the_others_load(autojump_clock: Any) -> None:
    with trio.move_on_after(5) as scope:
        await loads(gone, trio.sleep_forever).run()
    assert scope.cancelled_caught


@pytest.mark.parametrize("runs", [(gone,), (refused, trio.sleep_forever)])
async def test_the_only_one_gone_or_another_failure_ends_the_load(runs: tuple[Any, ...]) -> None:
    with pytest.RaisesGroup(SequencerError):
        await loads(*runs).run()
