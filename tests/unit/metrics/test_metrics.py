"""Metrics: the endpoint, closed label sets, winner shares."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from dataclasses import asdict

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from poe.errors import ToolError
from poe.metrics import WINNER_SERIES, Health, Metrics, serve_metrics
from poe.net.interface import NetworkStats
from poe.rollup.types import Address

RANKS = [*(str(rank) for rank in range(1, WINNER_SERIES + 1)), "other"]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def shares(metrics: Metrics) -> list[float]:
    return [metrics.registry.get_sample_value("poe_market_winner_share_ratio", {"rank": r}) or 0.0 for r in RANKS]


def payees(count: int, wins: int = 1) -> dict[Address, int]:
    return {Address(i.to_bytes(20)): wins for i in range(count)}


def series_of(metrics: Metrics, name: str) -> int:
    """How many series of a metric a scrape holds."""
    return sum(line.startswith(name + "{") for line in generate_latest(metrics.registry).decode().splitlines())


def fetch(port: int) -> bytes:
    """The body of a scrape."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        body: bytes = answer.read()
    return body


def test_nobody_has_a_share_before_the_first_win(metrics: Metrics) -> None:
    metrics.set_winner_shares({})
    assert shares(metrics) == [0, 0, 0, 0, 0, 0]
    assert metrics.registry.get_sample_value("poe_market_payees") == 0


def test_the_only_payee_has_it_all(metrics: Metrics) -> None:
    metrics.set_winner_shares(payees(1, wins=7))
    assert shares(metrics) == [1, 0, 0, 0, 0, 0]


def test_ranks_go_by_wins_and_the_rest_is_other(metrics: Metrics) -> None:
    wins = {Address(bytes([i]) * 20): won for i, won in enumerate([1, 10, 2, 30, 3, 4, 50])}
    metrics.set_winner_shares(wins)
    assert shares(metrics) == [0.5, 0.3, 0.1, 0.04, 0.03, 0.03]
    assert sum(shares(metrics)) == pytest.approx(1)


def test_ten_thousand_payees_are_still_six_series(metrics: Metrics) -> None:
    metrics.set_winner_shares(payees(10_000))
    assert series_of(metrics, "poe_market_winner_share_ratio") == len(RANKS)
    assert shares(metrics)[-1] == pytest.approx(1 - WINNER_SERIES / 10_000)
    assert metrics.registry.get_sample_value("poe_market_payees") == 10_000


def test_a_payee_that_falls_back_leaves_no_share_behind(metrics: Metrics) -> None:
    metrics.set_winner_shares(payees(6))
    metrics.set_winner_shares(payees(1))
    assert shares(metrics) == [1, 0, 0, 0, 0, 0]


def test_network_numbers_are_totals_however_often_they_are_exported(metrics: Metrics) -> None:
    stats = NetworkStats(
        peers=3, mesh_peers=2, accepted=5, ignored=4, rejected=3, bad_frames=2, equivocations=1, dropped=6
    )
    for _ in range(3):
        metrics.set_network(**asdict(stats))
    sample = metrics.registry.get_sample_value
    verdicts = {
        name: sample("poe_net_messages_total", {"verdict": name}) for name in ("accepted", "ignored", "rejected")
    }
    assert verdicts == {"accepted": 5, "ignored": 4, "rejected": 3}
    assert sample("poe_net_messages_total", {"verdict": "dropped"}) == 6
    assert sample("poe_net_equivocations_total") == 1
    assert sample("poe_net_peers") == 3


def test_a_network_number_without_a_metric_is_a_bug(metrics: Metrics) -> None:
    stats = asdict(NetworkStats(peers=0, mesh_peers=0, accepted=0, ignored=0, rejected=0, bad_frames=0))
    with pytest.raises(TypeError, match="surprises"):
        metrics.set_network(**stats, surprises=1)


def test_two_roles_in_one_process_share_nothing() -> None:
    one, two = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.l1_reorgs.inc()
    assert two.registry.get_sample_value("poe_l1_reorgs_total") == 0


def test_the_endpoint_serves_the_metrics_while_the_context_lasts(metrics: Metrics) -> None:
    metrics.peers.set(4)
    with serve_metrics(metrics, host="127.0.0.1", port=0) as port:
        assert b"poe_net_peers 4.0" in fetch(port)
    with pytest.raises(urllib.error.URLError):
        fetch(port)


def test_the_endpoint_listens_on_the_given_address_alone(metrics: Metrics) -> None:
    """All of 127.0.0.0/8 is ours on Linux: a server on every address would answer on 127.0.0.2 too."""
    with serve_metrics(metrics, host="127.0.0.1", port=0) as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_taken_port_is_one_line_with_a_way_out(metrics: Metrics) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ToolError) as refused, serve_metrics(metrics, host="127.0.0.1", port=port):
            pass
    line = str(refused.value)
    assert line.startswith(f"POE-TOL-002: metrics port 127.0.0.1:{port} cannot be opened")
    assert "metrics.port" in line
    assert "\n" not in line


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and body of a request."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_who_is_alive_and_not_ready_says_so_and_why(metrics: Metrics) -> None:
    wrong = {"loop": "", "l1": "no answer for 40 s"}
    health = Health(alive={"loop": lambda: wrong["loop"]}, ready={"l1": lambda: wrong["l1"]})
    with serve_metrics(metrics, host="127.0.0.1", port=0, health=health) as port:
        assert answer(port, "/livez") == (200, "[+] loop ok\n")
        assert answer(port, "/readyz") == (503, "[+] loop ok\n[-] l1: no answer for 40 s\n")
        wrong["l1"] = ""
        assert answer(port, "/readyz") == (200, "[+] loop ok\n[+] l1 ok\n")
        wrong["loop"] = "no turn in 5 s"
        assert answer(port, "/livez")[0] == answer(port, "/readyz")[0] == 503
        assert b"poe_net_peers" in fetch(port), "metrics are there whatever the health"
