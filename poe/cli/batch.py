"""`poe batch`: one batch, as L1 has it: what is in it, who proved it, and whether that proof holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import App

from poe.cli.rollup import Facts, RollupFlags

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup

app = App(name="batch", help="One batch: what is in it, who proved it, does that proof hold?")


@app.command
def show(number: int, /, *, rollup: RollupFlags = RollupFlags()) -> None:
    """Print a batch: header, transactions and what became of them, statement, gas, timeline, who won.

    Parameters
    ----------
    number
        The batch's number.
    """

    async def work(of: Rollup) -> tuple[str, Facts]:
        from poe.cli.batch_facts import lines_of, read_batch

        facts = await (await read_batch(of, number)).facts(of)
        return "\n".join(lines_of(facts)), facts

    rollup.run(work)


@app.command
def verify(number: int, /, *, rollup: RollupFlags = RollupFlags()) -> None:
    """Execute a batch again from L1's data alone and check its accepted proof here: key, statement, roots, exits.

    Parameters
    ----------
    number
        The batch's number.
    """

    async def work(of: Rollup) -> tuple[str, Facts]:
        from poe.cli.batch_facts import read_batch
        from poe.cli.batch_proof import verify_accepted

        of.require_sound()
        facts = await verify_accepted(of, await read_batch(of, number))
        return f"batch {number} holds: proof of {facts['payee']} accepted in {facts['tx']}", facts

    rollup.run(work)
