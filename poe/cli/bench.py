"""`poe bench`: measurements that anyone can repeat."""

from __future__ import annotations

from cyclopts import App

from poe.cli import bench_sequence

app = App(name="bench", help="Measure this machine.")
bench_sequence.register(app)
