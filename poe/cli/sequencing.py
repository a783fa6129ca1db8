"""`poe sequencer bond`, `leave`, `seat`: the seat of an account, whether its node runs or not."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from poe.cli.run import RunFlags
from poe.config import Settings, load_settings
from poe.errors import InputError
from poe.l1.terms import WEI_A_GWEI
from poe.rollup.types import Wei

if TYPE_CHECKING:
    from poe.l1.contract import Arbiter
    from poe.l1.interface import ArbiterParameters


def bond(*, top_up: Annotated[int, Parameter(name="--top-up")] = 0, flags: RunFlags = RunFlags()) -> None:
    """Take a sequencer's seat for the arbiter's bond, or add to the bond of one.

    Parameters
    ----------
    top_up
        Add so many Wei, whole gwei, instead of taking a seat.
    """
    if top_up < 0 or top_up % WEI_A_GWEI:
        raise InputError(f"--top-up is {top_up}, wanted whole gwei in Wei", field="top-up")

    async def act(settings: Settings) -> str:
        from poe.assembly.seat import has_seat, join, open_signed, opened

        async with opened(settings) as (arbiter, parameters, journal):
            if top_up:
                await arbiter.top_up_bond(Wei(top_up))
            elif not await has_seat(arbiter):
                await open_signed(arbiter, journal)  # from here on the journal knows all that the seat signs
                await join(arbiter, parameters)
            return await _described(arbiter, parameters)

    _run(act, flags)


def leave(*, release: Annotated[bool, Parameter(negative="")] = False, flags: RunFlags = RunFlags()) -> None:
    """Give the seat up; the bond comes back later, for what it may still have to answer for.

    Parameters
    ----------
    release
        Have the bond of a seat given up earlier credited; `poe tx withdraw` pulls it.
    """

    async def act(settings: Settings) -> str:
        from poe.assembly.seat import opened

        async with opened(settings) as (arbiter, parameters, _):
            await (arbiter.release_bond(arbiter.account) if release else arbiter.leave_sequencers())
            return await _described(arbiter, parameters)

    _run(act, flags)


def seat(flags: RunFlags = RunFlags()) -> None:
    """Print the account's seat, bond and turn as JSON."""

    async def act(settings: Settings) -> str:
        from poe.assembly.seat import looked_at

        return await _described(*await looked_at(settings))

    _run(act, flags)


async def _described(arbiter: Arbiter, parameters: ArbiterParameters) -> str:
    seats = await arbiter.sequencers()
    in_turn = await arbiter.in_turn()
    facts: dict[str, Any] = {
        "account": "0x" + arbiter.account.hex(),
        "seat": seats.index(arbiter.account) if arbiter.account in seats else None,
        "bond_wei": await arbiter.bond_of(arbiter.account),
        "balance_wei": await arbiter.balance(),
        "credit_wei": await arbiter.credit_of(arbiter.account),
        "may_post": await arbiter.may_post(arbiter.account),
        "in_turn": None if in_turn is None else "0x" + in_turn.hex(),
        "sequencers": ["0x" + seat.hex() for seat in seats],
        "window_blocks": parameters.window_blocks,
        "current_reward_wei": await arbiter.current_reward(),
        "full_bond_wei": parameters.bond,
    }
    return json_module.dumps(facts, indent=1)


def _run(act: Callable[[Settings], Awaitable[str]], flags: RunFlags) -> None:
    """Load settings, do it, print what it says."""
    import trio

    from poe.cli.run import configure_logs

    settings = load_settings(flags.config, environment=os.environ, flags=flags.overrides)
    configure_logs(settings.log)
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    print(trio.run(act, settings))
