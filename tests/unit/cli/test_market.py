"""`poe market`: what the flags of `watch` make of the settings, whom the others count as paid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from poe.cli import wallet
from poe.cli.batch_facts import _winner
from poe.cli.market import read_standings, rewards_of, stats_of
from poe.cli.market_watch import PAGE_PORT, WatchFlags
from poe.config import load_settings
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.rollup.types import Address
from tests.fakes_l1 import ALICE, BOB, GENESIS_ROOT, PARAMETERS, REWARD, accepted, awarded, finalized, sequenced
from tests.fakes_prover import History


def settings_of(flags: WatchFlags) -> tuple[bool, int, str, str]:
    settings = load_settings(flags.config, environment={}, flags=flags.overrides)
    return settings.web.enabled, settings.web.port, settings.web.host, settings.data_dir


def test_lines_need_no_page() -> None:
    assert settings_of(WatchFlags()) == (False, 0, "127.0.0.1", "poe-watch")


def test_the_page_is_on_loopback_and_a_port_that_stays() -> None:
    assert settings_of(WatchFlags(web=True)) == (True, PAGE_PORT, "127.0.0.1", "poe-watch")
    assert settings_of(WatchFlags(web=True, port=0))[1] == 0


def test_gossip_is_joined_only_through_named_peers() -> None:
    def net_of(flags: WatchFlags) -> tuple[bool, tuple[str, ...]]:
        net = load_settings(None, environment={}, flags=flags.overrides).net
        return net.enabled, net.bootstrap

    assert net_of(WatchFlags(web=True)) == (False, ())
    peer = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWDNFy7FqooScLmVbijkp4oz8h47QvjGqbeYLR5C6b4wB7"
    assert net_of(WatchFlags(web=True, peer=(peer,))) == (True, (peer,))


def test_a_named_folder_is_used(tmp_path: Path) -> None:
    assert settings_of(WatchFlags(data_dir=tmp_path))[3] == str(tmp_path)


def test_a_settings_file_names_its_own_folder(tmp_path: Path) -> None:
    config = tmp_path / "poe.toml"
    config.write_text('data_dir = "elsewhere"\n')
    assert settings_of(WatchFlags(config=config, web=True))[3] == "elsewhere"


@pytest.mark.parametrize("has_policy", [True, False])
async def test_under_an_award_policy_whom_it_pays_has_won(monkeypatch: pytest.MonkeyPatch, has_policy: bool) -> None:
    parameters = replace(PARAMETERS, policy=Address(b"\x90" * 20)) if has_policy else PARAMETERS

    async def history(_: Any, *, also: Any) -> Ledger:
        await trio.lowlevel.checkpoint()
        ledger, root = Ledger(parameters), GENESIS_ROOT + 1
        posted, proof = sequenced(1, GENESIS_HASH), accepted(1, GENESIS_ROOT, root, payee=ALICE)
        paid = (awarded(1, BOB),) if has_policy else ()
        update = History().step(posted, proof, finalized(1, root, payee=ALICE), *paid)
        ledger.apply(update)
        also(update)
        return ledger

    monkeypatch.setattr(wallet, "read_ledger", history)
    ledger, standings = await read_standings(SimpleNamespace(parameters=parameters))  # type: ignore[arg-type]
    winner = "0x" + (BOB if has_policy else ALICE).hex()
    assert [one["payee"] for one in stats_of(ledger, standings, 10)["shares"]] == [winner]
    assert [(one["payee"], one["rewards_wei"]) for one in rewards_of(ledger, standings) if one["wins"]] == [
        (winner, REWARD)
    ]


def test_a_batchs_relayer_is_told_of_the_winners_own_proof_alone() -> None:
    first = accepted(1, GENESIS_ROOT, GENESIS_ROOT + 1, payee=ALICE, submitter=BOB, tip=3)
    assert _winner(ALICE, first) == {"payee": "0x" + ALICE.hex(), "submitter": "0x" + BOB.hex(), "tip_wei": 3}
    assert _winner(BOB, first) == {"payee": "0x" + BOB.hex(), "submitter": None, "tip_wei": None}
