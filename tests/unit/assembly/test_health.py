"""What a role calls alive and ready: its event loop, L1's answers, and having read L1 to its head."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import trio

from poe.assembly import doors
from poe.assembly.chain import Chain
from poe.assembly.doors import health_of
from poe.metrics import Health


def chain(*, silent_seconds: float = 0.0, is_caught_up: bool = True, dispute: str = "") -> Chain:
    """As much of a chain as health looks at."""
    rpc = SimpleNamespace(answered_at=time.monotonic() - silent_seconds, deadline_seconds=1.0, dispute=dispute)
    return cast(Chain, SimpleNamespace(rpc=rpc, follower=SimpleNamespace(is_caught_up=is_caught_up)))


async def asked(health: Health, path: str) -> tuple[bool, str]:
    """As the HTTP server asks: from a thread of its own."""
    return cast(tuple[bool, str], await trio.to_thread.run_sync(health.report, path))


async def test_a_role_that_follows_l1_is_alive_and_ready() -> None:
    health = health_of(chain())
    assert await asked(health, "/livez") == (True, "[+] loop ok\n")
    assert await asked(health, "/readyz") == (True, "[+] loop ok\n[+] l1 ok\n[+] l1_history ok\n")


async def test_a_silent_endpoint_makes_it_unready_not_dead() -> None:
    health = health_of(chain(silent_seconds=doors.SILENT_SECONDS + 10))
    assert (await asked(health, "/livez"))[0]
    is_well, text = await asked(health, "/readyz")
    assert not is_well
    assert "[-] l1: no answer for 40 s" in text


async def test_endpoints_that_disagree_make_it_unready() -> None:
    is_well, text = await asked(health_of(chain(dispute="alpha says this, beta says that")), "/readyz")
    assert not is_well
    assert "[-] l1: alpha says this, beta says that" in text


async def test_a_role_that_still_reads_history_is_not_ready() -> None:
    is_well, text = await asked(health_of(chain(is_caught_up=False)), "/readyz")
    assert not is_well
    assert "[-] l1_history: not read to its head yet" in text


async def test_a_loop_that_hangs_is_not_alive(monkeypatch: Any) -> None:
    monkeypatch.setattr(doors, "LOOP_SECONDS", 0.05)
    health = health_of(chain())
    is_well, text = health.report("/livez")  # on the loop itself, which cannot turn meanwhile
    assert (is_well, text) == (False, "[-] loop: no turn in 0.05 s\n")


def test_a_loop_that_has_ended_is_not_alive() -> None:
    async def make() -> Health:
        return health_of(chain())

    assert trio.run(make).report("/livez") == (False, "[-] loop: it has ended\n")
