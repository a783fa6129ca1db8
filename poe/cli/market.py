"""`poe market`: who wins and what it brings, from L1's events alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from poe.cli import market_watch, tx
from poe.cli.bounds import require_between
from poe.cli.rollup import Facts, RollupFlags

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup
    from poe.l1.ledger import Ledger
    from poe.observer.standings import Standings

app = App(name="market", help="Who wins and what it brings, from L1 alone.")
app.command(tx.withdraw)
app.command(market_watch.watch)

MOST_BATCHES = 10_000
SHOWN_PAYEES = 20


@app.command
def stats(*, rollup: RollupFlags = RollupFlags(), window: int = 1000) -> None:
    """Print how far the chain is, who won how much of it, and how concentrated that is.

    Parameters
    ----------
    window
        Look at so many of the last final batches, at most 10,000.
    """
    require_between("window", window, 1, MOST_BATCHES)

    async def work(of: Rollup) -> tuple[str, Facts]:
        ledger, standings = await read_standings(of)
        facts = stats_of(ledger, standings, window)
        return "\n".join(_stats_lines(facts)), facts

    rollup.run(work)


@app.command
def rewards(*, rollup: RollupFlags = RollupFlags(), payee: str | None = None) -> None:
    """Print what each payee has earned, what of it waits to be withdrawn, and what is not final yet.

    Parameters
    ----------
    payee
        Tell of this address alone.
    """
    from poe.assembly.chain import parse_address

    wanted = None if payee is None else parse_address(payee, "--payee")

    async def work(of: Rollup) -> tuple[str, Facts]:
        rows = rewards_of(*await read_standings(of))
        if wanted is not None:
            rows = [row for row in rows if row["payee"] == "0x" + wanted.hex()]
            rows = rows or [_row("0x" + wanted.hex())]
            rows[0]["credit_wei"] = await of.credit_of(wanted)  # with what no event tells, such as queue fees
        lines = [
            f"{row['payee']}  {row['wins']} won, {row['rewards_wei']} wei earned, {row['credit_wei']} wei to withdraw,"
            f" {row['pending']} accepted and not final"
            for row in rows[:SHOWN_PAYEES]
        ]
        if len(rows) > SHOWN_PAYEES:
            lines.append(f"and {len(rows) - SHOWN_PAYEES} more: --json tells all")
        return "\n".join(lines) or "nobody has won anything yet", {"payees": rows}

    rollup.run(work)


async def read_standings(rollup: Rollup) -> tuple[Ledger, Standings]:
    """What L1 told from the deployment to its head."""
    from poe.cli.wallet import read_ledger
    from poe.observer.standings import Standings

    parameters = rollup.parameters
    standings = Standings(parameters.genesis_root, has_policy=any(parameters.policy))
    return await read_ledger(rollup, also=standings.apply), standings


def stats_of(ledger: Ledger, standings: Standings, window: int) -> Facts:
    """The market in numbers; shares by the wins of the window, largest first."""
    from poe.observer.concentration import herfindahl, nakamoto

    wins = standings.recent_wins(window)
    total = sum(wins.values())
    ranked = sorted(wins.items(), key=lambda one: (-one[1], one[0]))
    unproven = len(ledger.open_batches())
    rows = [row for row in standings.rows() if row.finalized is not None][-window:]
    delays = sorted(row.proof_delay_seconds for row in rows if row.proof_delay_seconds is not None)
    return {
        "sequenced": ledger.head()[0],
        "accepted": ledger.head()[0] - unproven,
        "finalized": ledger.finalized_number,
        "window": total,
        "payees": len(wins),
        "hhi": round(herfindahl(wins), 6),
        "nakamoto": nakamoto(wins),
        "rewards_wei": standings.rewards,
        "proof_delay_median_seconds": delays[len(delays) // 2] if delays else None,
        "shares": [{"payee": "0x" + payee.hex(), "wins": won, "share": round(won / total, 6)} for payee, won in ranked],
    }


def rewards_of(ledger: Ledger, standings: Standings) -> list[Facts]:
    """A row a payee, the best paid first; `pending` are accepted proofs whose batch is not final."""
    rows: dict[str, Facts] = {}

    def row(payee: bytes) -> Facts:
        return rows.setdefault("0x" + payee.hex(), _row("0x" + payee.hex()))

    for payee, won in standings.wins.items():
        row(payee)["wins"] = won
    for payee, earned in standings.rewards_by_payee.items():
        row(payee)["rewards_wei"] = earned
    for payee, credit in ledger.credits().items():
        row(payee)["credit_wei"] = credit
    for one in standings.rows():
        if one.accepted is not None and one.finalized is None and one.payee is not None:
            row(one.payee)["pending"] += 1
    return sorted(rows.values(), key=lambda one: (-one["rewards_wei"], one["payee"]))


def _row(payee: str) -> dict[str, Any]:
    return {"payee": payee, "wins": 0, "rewards_wei": 0, "credit_wei": 0, "pending": 0}


def _stats_lines(facts: Facts) -> list[str]:
    delay = facts["proof_delay_median_seconds"]
    lines = [
        f"batches: {facts['sequenced']} sequenced, {facts['accepted']} accepted, {facts['finalized']} final",
        f"of the last {facts['window']}: {facts['payees']} payees, HHI {facts['hhi']:.4f},"
        f" {facts['nakamoto']} of them won more than half",
        f"rewards: {facts['rewards_wei']} wei; a proof takes {delay if delay is not None else '?'} s (median)",
    ]
    shown = facts["shares"][:SHOWN_PAYEES]
    return lines + [f"{one['share']:7.2%}  {one['payee']}  {one['wins']}" for one in shown]
