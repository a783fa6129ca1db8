"""The race as tables for a terminal: cells from the same snapshot that the page is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from poe.web.lines import ether, posting_seconds

STANDINGS = ("payee", "won", "share", "", "net ETH")
FLIGHT = ("batch", "txs", "posted", "proving")
BAR_CELLS = 20
SHOWN_RACERS = 4
SHOWN_FLIGHTS = 12
SHOWN_STANDINGS = 12

Snapshot = Mapping[str, Any]


def standings(of: Snapshot) -> list[tuple[str, ...]]:
    """A row a payee, most wins first: share of all wins, as a number and as a bar, and what it earned."""
    total = max(1, of["market"]["wins"])
    return [
        (
            name_of(account["address"], of),
            str(account["wins"]),
            f"{account['wins'] / total:.1%}",
            bar(account["wins"] / total),
            ether(account["net"]) if not account["net"].startswith("-") else "-" + ether(account["net"][1:]),
        )
        for account in of["accounts"][:SHOWN_STANDINGS]
    ]


def flight(of: Snapshot, now: float) -> list[tuple[str, ...]]:
    """A row for each of the oldest posted batches that is not final: how old it is, and who proves or has proved it."""
    open_rows = [row for row in of["batches"] if row["final"] is None]
    return [
        (str(row["n"]), str(row["txs"]), f"{max(0.0, now - _since(row['posted'])):.0f} s ago", _proving(row, of, now))
        for row in sorted(open_rows, key=lambda row: int(row["n"]))[:SHOWN_FLIGHTS]
    ]


def latency(of: Snapshot) -> str:
    """How long the last batches took from posting to proof."""
    seconds = sorted(posting_seconds(row["posted"], row["proof"]) for row in of["batches"] if row["proof"])
    if not seconds:
        return "latency: no proof yet"
    half, most = (seconds[0], seconds[0]) if len(seconds) == 1 else _median_and_p95(seconds)
    return f"posted to proven: {half:.1f} s median, {most:.1f} s p95 (last {len(seconds)})"


def health(of: Snapshot) -> str:
    """L1, the network and the heights."""
    heights, market, (l1, p2p) = of["heights"], of["market"], (of["doors"]["l1"], of["doors"]["p2p"])
    door = (
        "L1: not reached yet" if l1 is None else f"L1: head {l1['head']}, {l1['head_age']} s old, {l1['errors']} errors"
    )
    peers = "gossip: off (--peer)" if p2p is None else f"gossip: {p2p['peers']} peers"
    behind = heights["sequenced"] - heights["final"]
    race = f"batches: {heights['final']} final, {behind} behind; HHI {market['hhi']:.3f}, Nakamoto {market['nakamoto']}"
    return f"{door} · {peers}\n{race}{_trouble(of)}"


def bar(share: float) -> str:
    """A bar of the share."""
    return "█" * round(min(1.0, share) * BAR_CELLS)


def name_of(address: str, of: Snapshot) -> str:
    """A prover's name where its reports tell it, else its address, shortened."""
    return str(of["names"].get(address, f"{address[:8]}…{address[-4:]}"))


def _proving(row: Mapping[str, Any], of: Snapshot, now: float) -> str:
    if row["proof"] is not None:
        return f"proven by {name_of(row['proof']['payee'], of)}"
    racing = [name_of(racer["prover"], of) for racer in row["racers"] if racer["until"] >= now]
    more = f" and {len(racing) - SHOWN_RACERS} more" if len(racing) > SHOWN_RACERS else ""
    return ", ".join(racing[:SHOWN_RACERS]) + more if racing else "nobody says so"


def _since(posted: Mapping[str, Any]) -> float:
    return float(posted["time"] if posted["seen"] is None else posted["seen"])


def _median_and_p95(seconds: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]


def _trouble(of: Snapshot) -> str:
    if of["alarm"] is not None:
        return f"\nALARM: batch {of['alarm']['batch']} has two proofs that differ"
    return "" if of["ended"] is None else f"\nENDED: exit mode since block {of['ended']['block']}"
