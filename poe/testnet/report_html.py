"""A run's report as one HTML file that needs nothing else, and its batches as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

BATCH_COLUMNS = (
    "number", "txs", "winner", "winner_name", "proof_seconds", "margin_seconds", "posted_to_accepted_seconds",
    "reward_wei", "posted_block", "accepted_block", "finalized_block", "posted_tx", "l1_tx",
)  # fmt: skip
BAR_PIXELS = 22
WIDTH_PIXELS = 680
LABEL_PIXELS = 120
BINS = 12

STYLE = """
:root { color-scheme: light dark; --paper: #faf8f3; --ink: #1c2126; --soft: #5a626a; --line: #ddd8cc; --bar: #10706a; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1518; --ink: #e6e9e6; --soft: #a3adb0; --line: #253035; --bar: #56c5b8; }
}
body { margin: 0 auto; max-width: 1100px; padding: 24px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 Inter, system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.6rem; } h2 { font-size: 1rem; margin-top: 2rem; } p { color: var(--soft); max-width: 70ch; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; } .scroll { overflow-x: auto; }
th, td { text-align: right; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; } text { fill: var(--ink); font-size: 13px; } rect { fill: var(--bar); }
"""


def as_csv(report: Mapping[str, Any]) -> str:
    """The run's final batches, a line each, with a heading."""
    out = io.StringIO()
    writer = csv.DictWriter(out, BATCH_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(report["batches"])
    return out.getvalue()


def as_html(report: Mapping[str, Any]) -> str:
    """The report as a page: no script, no other file, every text escaped."""
    parts = (
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>A race of {report['finalized']} batches</title><style>{STYLE}</style></head><body>",
        *_summary(report), *_winners(report), *_latency(report), *_provers(report), *_batches(report),
        "</body></html>",
    )  # fmt: skip
    return "\n".join(parts) + "\n"


def _summary(report: Mapping[str, Any]) -> list[str]:
    settings = report["settings"]
    hhi = "–" if report["hhi"] is None else f"{report['hhi']:.3f}"
    lines = (
        f"{report['finalized']} batches are final, by {settings.get('provers', '?')} provers with real proofs of shape "
        f"{settings.get('shape', '?')}. Executed {report['executed_tps']} transactions a second, proven "
        f"{report['proven_tps']}. Concentration of wins (HHI) {hhi}; {report['wasted_proof_seconds']} core seconds of "
        "proving were paid to nobody."
    )
    return [f"<h1>A race of {report['finalized']} batches</h1>", f"<p>{escape(lines)}</p>"]


def _winners(report: Mapping[str, Any]) -> list[str]:
    names = {prover["payee"]: prover["name"] for prover in report["provers"]}
    shares = [
        (names.get(payee, payee[:10]), share, f"{100 * share:.0f} %") for payee, share in report["winner_share"].items()
    ]
    return ["<h2>Who won</h2>", _bars(shares, "Winner share")]


def _latency(report: Mapping[str, Any]) -> list[str]:
    seconds = [b["proof_seconds"] for b in report["batches"] if b["proof_seconds"] is not None]
    if not seconds:
        return []
    width = max(max(seconds) / BINS, 0.01)
    counts = [0] * BINS
    for value in seconds:
        counts[min(BINS - 1, int(value / width))] += 1
    bars = [(f"to {(i + 1) * width:.2f} s", count / max(counts), str(count)) for i, count in enumerate(counts) if count]
    return ["<h2>How long winning proofs took</h2>", _bars(bars, "Winning proofs by seconds")]


def _bars(bars: Sequence[tuple[str, float, str]], title: str) -> str:
    """Horizontal bars as SVG: label, length from 0 to 1, what to write at its end."""
    room = WIDTH_PIXELS - LABEL_PIXELS - 60
    drawn = [
        f'<text x="0" y="{i * BAR_PIXELS + 15}">{escape(label)}</text>'
        f'<rect x="{LABEL_PIXELS}" y="{i * BAR_PIXELS + 4}" width="{length * room:.1f}" height="14"/>'
        f'<text x="{LABEL_PIXELS + length * room + 8:.1f}" y="{i * BAR_PIXELS + 15}">{escape(told)}</text>'
        for i, (label, length, told) in enumerate(bars)
    ]
    size = f'width="{WIDTH_PIXELS}" height="{BAR_PIXELS * len(bars) + 4}"'
    return f'<svg {size} role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'


def _provers(report: Mapping[str, Any]) -> list[str]:
    columns = ("name", "won", "finished", "late", "cancelled", "failed", "wasted_core_seconds", "payee")
    return ["<h2>Provers</h2>", _table(columns, report["provers"])]


def _batches(report: Mapping[str, Any]) -> list[str]:
    columns = (
        "number",
        "txs",
        "winner_name",
        "proof_seconds",
        "margin_seconds",
        "posted_to_accepted_seconds",
        "accepted_block",
    )
    return ["<h2>Batches</h2>", _table(columns, report["batches"])]


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(column.replace("_", " "))}</th>' for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(column))}</td>" for column in columns) + "</tr>\n" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def _cell(value: object) -> str:
    return "–" if value is None else escape(str(value))
