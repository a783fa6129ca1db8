"""Watching is cheap: an observer process that follows 50 batches a second, its CPU time and memory by the kernel."""

from __future__ import annotations

import pytest

from scripts.bench_observe import measure

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

MOST_CORES = 0.3
MOST_BYTES = 150 * 10**6


def test_fifty_batches_a_second_cost_less_than_a_third_of_a_core() -> None:
    facts = measure(batches_a_second=50, history=500, seconds=4)
    assert facts["batches_a_second"] >= 30, "it keeps up, but for the block that is under way"
    assert 0 < facts["cores"] < MOST_CORES
    assert 2**20 < facts["peak_resident_bytes"] < MOST_BYTES
