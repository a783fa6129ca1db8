"""What a role exports: the groups it can fill, closed sets of labels, counters that others keep, the host."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from poe.metrics import Metrics, new_metrics
from poe.metrics import host as host_module
from poe.metrics.catalog import GROUPS_OF_ROLE
from poe.metrics.definer import PROOF_SECONDS, ReadCounter
from poe.metrics.host import children_of, free_bytes, memory_bytes, resident_bytes

FOREIGN = {
    "observer": ("poe_prover", "poe_sequencer", "poe_net", "poe_l1_balance", "poe_l1_gas"),
    "prover": ("poe_market", "poe_sequencer", "poe_batch_unproven"),
    "sequencer": ("poe_market", "poe_prover", "poe_batch_unproven"),
}


def scrape(metrics: Metrics) -> list[str]:
    """The series of a scrape, without comments."""
    return [line for line in generate_latest(metrics.registry).decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("role", GROUPS_OF_ROLE)
def test_a_role_exports_nothing_that_it_could_not_fill(role: str) -> None:
    series = scrape(new_metrics(role, has_network=True))
    assert [line for line in series if line.startswith(FOREIGN[role])] == []
    assert any(line.startswith("poe_l1_head_number") for line in series)
    assert any(line.startswith("process_cpu_seconds_total") for line in series)


def test_without_a_network_nobody_is_told_of_missing_peers() -> None:
    assert not [line for line in scrape(new_metrics("prover", has_network=False)) if line.startswith("poe_net")]
    assert [line for line in scrape(new_metrics("prover", has_network=True)) if line.startswith("poe_net_peers")]


def test_what_is_not_exported_can_be_counted_all_the_same() -> None:
    metrics = new_metrics("observer", has_network=False)
    metrics.peers.set(3)
    metrics.races.labels(outcome="won", code="POE-RAC-001").inc()
    assert "poe_net_peers" not in "".join(scrape(metrics))


@pytest.mark.parametrize("role", GROUPS_OF_ROLE)
def test_no_creation_times_double_the_series(role: str) -> None:
    assert [line for line in scrape(new_metrics(role, has_network=True)) if "_created" in line] == []


def test_buckets_are_dense_where_races_are_decided() -> None:
    """Between 0.3 s and 3 s a quantile read from buckets is off by a third at most."""
    inside = [edge for edge in PROOF_SECONDS if 0.3 <= edge <= 3]
    assert inside[0] == 0.3
    assert inside[-1] == 3
    assert all(high / low <= 4 / 3 + 1e-9 for low, high in pairwise(inside))


def test_a_counter_that_somebody_else_keeps_is_read_at_each_scrape() -> None:
    registry, total = CollectorRegistry(), [3]
    counter = ReadCounter("poe_things_total", "Things.")
    registry.register(counter)
    assert registry.get_sample_value("poe_things_total") == 0
    counter.set_function(lambda: total[0])
    assert registry.get_sample_value("poe_things_total") == 3
    total[0] = 5
    assert registry.get_sample_value("poe_things_total") == 5


def test_such_a_counter_has_the_series_that_are_told_to_it() -> None:
    registry = CollectorRegistry()
    counter = ReadCounter("poe_things_total", "Things.", ["kind"])
    registry.register(counter)
    assert "poe_things_total{" not in generate_latest(registry).decode()
    counter.labels(kind="good").set_function(lambda: 2)
    assert registry.get_sample_value("poe_things_total", {"kind": "good"}) == 2


def test_the_host_is_read_at_each_scrape(tmp_path: Path) -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.watch_host(tmp_path)
    sample = metrics.registry.get_sample_value
    total, available = sample("poe_host_memory_bytes"), sample("poe_host_memory_available_bytes")
    assert total is not None
    assert available is not None
    assert 2**28 < available < total
    assert sample("poe_host_cores") == len(os.sched_getaffinity(0))
    free = sample("poe_host_disk_free_bytes")
    assert free is not None
    assert free > 0


def test_memory_of_child_processes_is_counted_theirs_too() -> None:
    up = "print('up', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {up!r}])"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent], **pipes) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n", "the grandchild runs"
        family = [pid for pid in children_of(os.getpid()) if pid in (child.pid, *children_of(child.pid))]
        assert len(family) == 2
        assert all(resident_bytes(pid) > 2**20 for pid in family)
        child.stdin.close()
    assert resident_bytes(child.pid) == 0


def test_a_host_without_proc_shows_zeros(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host_module, "PROC", tmp_path)
    assert (memory_bytes("MemTotal"), resident_bytes(1), children_of(1)) == (0, 0, [])
    assert free_bytes(tmp_path / "gone") == 0
