"""`poe batch` and `poe market` against a real market on anvil: every figure from L1, every proof checked again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.cli import batch_proof
from poe.cli.batch_facts import read_batch
from poe.cli.batch_proof import verify_accepted
from poe.cli.wallet import Rollup
from poe.errors import BackendError
from poe.l1.keys import write_secret
from poe.rollup.types import BatchNumber
from tests.integration.commands import Done, run_here
from tests.integration.market import REWARD, Market, account, dev_key, key_of, open_market

pytestmark = pytest.mark.integration

PROVER, RIVAL = ("0x" + account(name).address.hex() for name in ("prover", "rival"))


class Scene:
    """A market with batches 1 to 4: 1 proven by the prover, 2 and 3 in one call by the rival, 4 by nobody."""

    def __init__(self, market: Market) -> None:
        self.market = market

    async def set(self) -> None:
        await self.market.post_deposits()
        for _ in range(3):
            await self.market.post_transfers()
        prover, rival = self.market.clients["prover"], self.market.clients["rival"]
        await prover.submit_proof(await self.market.prove(BatchNumber(1), prover.account))
        both = [await self.market.prove(BatchNumber(number), rival.account) for number in (2, 3)]
        await rival.submit_proofs(both)

    async def poe(self, *arguments: str) -> Done:
        where = ("--arbiter", "0x" + self.market.parameters.address.hex(), "--rpc-url", self.market.anvil.url)
        return await trio.to_thread.run_sync(partial(run_here, *arguments, *where))

    async def told(self, *arguments: str) -> Any:
        done = await self.poe(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async def refused(self, *arguments: str) -> str:
        done = await self.poe(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        return done.stderr.split()[1].rstrip(":")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_market(dev_key()) as market:
        scene = Scene(market)
        await scene.set()
        yield scene


async def test_a_batch_is_shown_whole(scene: Scene) -> None:
    facts = await scene.told("batch", "show", "2")
    assert (facts["number"], facts["state"], facts["winner"]["payee"]) == (2, "finalized", RIVAL)
    _, execution = scene.market.batches[BatchNumber(2)]
    assert int(facts["statement"]["new_root"], 16) == execution.new_root
    sent = [(one["kind"], one["from"], one["to"], one["outcome"]) for one in facts["transactions"]]
    assert sent == [("transfer", 0, 1, "applied"), ("transfer", 1, 0, "applied")]
    moments = facts["timeline"]
    assert moments["posted"]["block"] < moments["accepted"]["block"] <= moments["finalized"]["block"]
    assert min(moment["gas_used"] for moment in moments.values()) > 21_000


async def test_a_batch_that_nobody_has_proven_is_shown_and_cannot_be_verified(scene: Scene) -> None:
    facts = await scene.told("batch", "show", "4")
    assert (facts["state"], facts["winner"], facts["timeline"]["accepted"]) == ("sequenced", None, None)
    assert (await scene.poe("batch", "show", "4")).stdout.startswith("batch 4  sequenced")
    assert await scene.refused("batch", "verify", "4") == "POE-INP-093"


async def test_a_batch_that_there_is_not_is_refused(scene: Scene) -> None:
    for number in ("0", "5"):
        for command in ("show", "verify"):
            assert await scene.refused("batch", command, number) == "POE-INP-092"


async def test_an_accepted_proof_is_checked_here_sent_alone_or_in_company(scene: Scene) -> None:
    for number, payee in ((1, PROVER), (2, RIVAL), (3, RIVAL)):
        facts = await scene.told("batch", "verify", str(number))
        assert (facts["number"], facts["holds"], facts["payee"]) == (number, True, payee)
    assert "batch 1 holds" in (await scene.poe("batch", "verify", "1")).stdout


CHANGES: dict[str, tuple[str, Any]] = {
    "commitment": ("commitment", lambda value: value ^ 1),
    "new root": ("newRoot", lambda value: value ^ 1),
    "point": ("proof", lambda words: [words[0] ^ 1, *words[1:]]),
    "order": ("proof", lambda words: [*words[2:], *words[:2]]),
    "exits": ("exits", lambda exits: [*exits, 5]),
}


async def test_another_proof_than_the_accepted_one_does_not_hold(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the contract has accepted always holds: so the transaction is tampered with on its way to us."""
    parameters = scene.market.parameters
    rollup = await Rollup.connect(scene.market.anvil.url, parameters.chain_id, parameters.address)
    batch = await read_batch(rollup, 1)
    assert batch.accepted is not None
    honest = await batch_proof.submission_in(rollup, batch.accepted)
    for name, (field, change) in CHANGES.items():

        async def tampered(*_: Any, field: str = field, change: Any = change) -> dict[str, Any]:
            await trio.lowlevel.checkpoint()
            return honest | {field: change(honest[field])}

        monkeypatch.setattr(batch_proof, "submission_in", tampered)
        with pytest.raises(BackendError) as refused:
            await verify_accepted(rollup, batch)
        assert refused.value.code == "POE-BCK-091", name


async def test_the_markets_shares_are_those_of_the_final_batches(scene: Scene) -> None:
    facts = await scene.told("market", "stats")
    assert (facts["sequenced"], facts["accepted"], facts["finalized"]) == (4, 3, 3)
    shares = [(one["payee"], one["wins"]) for one in facts["shares"]]
    assert shares == [(RIVAL, 2), (PROVER, 1)]
    assert facts["hhi"] == pytest.approx(5 / 9, abs=1e-6)
    assert facts["rewards_wei"] == 3 * REWARD
    last = await scene.told("market", "stats", "--window", "2")
    assert [(one["payee"], one["share"]) for one in last["shares"]] == [(RIVAL, 1.0)]
    assert "HHI 0.5556" in (await scene.poe("market", "stats")).stdout


async def test_rewards_are_told_and_withdrawn(scene: Scene, tmp_path: Path) -> None:
    rows = {row["payee"]: row for row in (await scene.told("market", "rewards"))["payees"]}
    assert (rows[RIVAL]["wins"], rows[RIVAL]["rewards_wei"], rows[RIVAL]["credit_wei"]) == (2, 2 * REWARD, 2 * REWARD)
    assert rows[PROVER]["credit_wei"] == REWARD
    key = tmp_path / "key"
    write_secret(key, key_of("rival"))
    assert (await scene.told("market", "withdraw", "--l1-key", str(key)))["wei"] == 2 * REWARD
    (row,) = (await scene.told("market", "rewards", "--payee", RIVAL))["payees"]
    assert (row["rewards_wei"], row["credit_wei"]) == (2 * REWARD, 0)
    (nobody,) = (await scene.told("market", "rewards", "--payee", "0x" + "55" * 20))["payees"]
    assert (nobody["wins"], nobody["credit_wei"]) == (0, 0)


async def test_a_proof_that_is_accepted_and_not_final_is_pending(scene: Scene) -> None:
    number = await scene.market.post_transfers()  # 5, behind 4, which nobody has proven
    prover = scene.market.clients["prover"]
    await prover.submit_proof(await scene.market.prove(number, prover.account))
    (row,) = (await scene.told("market", "rewards", "--payee", PROVER))["payees"]
    assert (row["wins"], row["pending"]) == (1, 1)
    assert (await scene.told("batch", "verify", str(number)))["is_final"] is False
