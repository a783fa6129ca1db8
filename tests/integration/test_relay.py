"""A relayer on anvil lands strangers' proofs from files: paid by tips, fooled by none of what strangers write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.backend import native
from poe.cli.proof_file import encode_proof
from poe.cli.relay import relay as relay_command
from poe.cli.relaying import MAX_FILE_BYTES, relay
from poe.cli.rollup import RollupFlags
from poe.cli.wallet import Rollup, read_ledger
from poe.l1.interface import Submission
from poe.prover.shelf import FinishedProof, ShelvedProof
from poe.rollup.batch import batch_hash
from poe.rollup.types import BatchNumber, Wei
from tests.fakes_prover import PROOF
from tests.integration.market import REWARD, Market, account, dev_key, key_of, open_market

pytestmark = pytest.mark.integration

PROVER, RELAYER = account("prover").address, account("copier").address
GOOD_TIP, POOR_TIP = Wei(REWARD * 9 // 10), Wei(1)


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with open_market(dev_key()) as market:
        yield market


def text_of(submission: Submission, market: Market) -> str:
    """The file that the prover's node would write."""
    proof = FinishedProof(
        proof=type(PROOF)(
            commitment=submission.commitment,
            x=PROOF.x,
            y=PROOF.y,
            words=submission.proof_words,
            witness_seconds=0.0,
            prove_seconds=0.0,
            verify_seconds=0.0,
        ),
        at=0.0,
    )
    return encode_proof(
        ShelvedProof(
            domain=market.domain,
            number=submission.number,
            batch_hash=batch_hash(submission.batch),
            old_root=submission.old_root,
            new_root=submission.new_root,
            payee=submission.payee,
            tip=submission.tip,
            exits=submission.exits,
            finished=proof,
        )
    )


class Desk:
    """A relayer with a folder of files that came in."""

    def __init__(self, market: Market, folder: Path) -> None:
        self.market, self.folder = market, folder
        self.files: list[Path] = []

    def take(self, name: str, text: str | bytes) -> None:
        self.files.append(self.folder / name)
        self.files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())

    async def take_proof(self, number: int, *, tip: Wei = GOOD_TIP) -> Submission:
        submission = await self.market.prove(BatchNumber(number), PROVER, tip=tip)
        self.take(f"{number}.json", text_of(submission, self.market))
        return submission

    async def relay(self) -> dict[str, str]:
        """The verdict on each file by its name."""
        parameters = self.market.parameters
        rollup = await Rollup.connect(self.market.anvil.url, parameters.chain_id, parameters.address)
        arbiter = self.market.clients["copier"]
        verdicts = await relay(self.files, rollup, await read_ledger(rollup), arbiter)
        assert sorted(one.file for one in verdicts) == sorted(self.files), "something is said of each"
        return {one.file.name: one.code for one in verdicts}


async def test_proofs_of_others_land_in_one_call_and_the_tips_pay_for_it(market: Market, tmp_path: Path) -> None:
    desk = Desk(market, tmp_path)
    await market.post_deposits()
    await market.post([market.transfer(0, 1), market.exit(1, amount=7)])
    await market.post_transfers()
    for number in (2, 1, 3):
        await desk.take_proof(number, tip=POOR_TIP if number == 1 else GOOD_TIP)
    relayer = market.clients["copier"]
    before, nonce = await relayer.balance(), await nonce_of(market)
    assert set((await desk.relay()).values()) == {"POE-RLY-001"}
    assert await nonce_of(market) == nonce + 1
    assert await relayer.finalized_number() == 3
    assert await relayer.credit_of(RELAYER) == 2 * GOOD_TIP + POOR_TIP > before - await relayer.balance()
    assert await relayer.credit_of(PROVER) == 3 * REWARD - (2 * GOOD_TIP + POOR_TIP)
    assert set((await desk.relay()).values()) == {"POE-RLY-010"}


async def nonce_of(market: Market) -> int:
    found: Any = await market.anvil.rpc.call("eth_getTransactionCount", "0x" + RELAYER.hex(), "latest")
    return int(found, 16)


def spoilt(text: str) -> dict[str, tuple[str | bytes, str]]:
    """Files that strangers might send: name, text, and what is said of it."""
    fields = json.loads(text)
    thief = "0x" + RELAYER.hex()
    leaving = {"slot": 0, "address": thief, "amount_gwei": "5"}

    def changed(**to: Any) -> str:
        return json.dumps(fields | to)

    return {
        "empty": (b"", "POE-RLY-021"),
        "noise": (bytes(range(256)), "POE-RLY-021"),
        "huge": (b" " * (MAX_FILE_BYTES + 1), "POE-RLY-020"),
        "stranger's rollup": (changed(domain="0x" + "01".rjust(64, "0")), "POE-RLY-022"),
        "later batch": (changed(number=9), "POE-RLY-023"),
        "other data": (changed(batch_hash="0x" + "11" * 32), "POE-RLY-023"),
        "other payee": (changed(payee=thief), "POE-RLY-024"),
        "other tip": (changed(tip_wei=str(REWARD)), "POE-RLY-024"),
        "other root": (changed(old_root=fields["new_root"]), "POE-RLY-024"),
        "other exits": (changed(exits=[leaving]), "POE-RLY-024"),
        "exits out of order": (changed(exits=[leaving, leaving]), "POE-RLY-024"),
        "no points": (changed(proof=["0x" + "ff" * 32] * 8), "POE-RLY-024"),
        "zeros": (changed(proof=["0x" + "00" * 32] * 8), "POE-RLY-024"),
        "no payee": (changed(payee="0x" + "00" * 20), "POE-RLY-025"),
        "tip above the reward": (changed(tip_wei=str(REWARD + 1)), "POE-RLY-025"),
    }


async def test_what_strangers_write_costs_a_relayer_nothing_and_sinks_no_honest_proof(
    market: Market, tmp_path: Path
) -> None:
    desk = Desk(market, tmp_path)
    await market.post_deposits()
    wanted = {}
    honest = text_of(await market.prove(BatchNumber(1), PROVER, tip=GOOD_TIP), market)
    for name, (text, code) in spoilt(honest).items():
        desk.take(name, text)
        wanted[name] = code
    desk.files.append(tmp_path / "missing")
    nonce = await nonce_of(market)
    assert await desk.relay() == wanted | {"missing": "POE-RLY-020"}
    assert await nonce_of(market) == nonce
    desk.take("honest", honest)
    assert (await desk.relay())["honest"] == "POE-RLY-001"
    assert await market.clients["copier"].finalized_number() == 1


async def test_a_tip_below_the_gas_and_a_batch_that_is_not_next_stay_behind(market: Market, tmp_path: Path) -> None:
    desk = Desk(market, tmp_path)
    await market.post_deposits()
    await market.post_transfers()
    await desk.take_proof(2)
    assert await desk.relay() == {"2.json": "POE-RLY-012"}
    batch, _ = market.batches[BatchNumber(2)]
    elsewhere = native.NativeState(market.shape.depth).execute(batch, market.domain)
    bait = await market.prove(BatchNumber(2), PROVER, tip=REWARD, execution=elsewhere)
    desk.files = []
    desk.take("bait", text_of(bait, market))
    await desk.take_proof(1, tip=POOR_TIP)
    nonce = await nonce_of(market)
    assert await desk.relay() == {"bait": "POE-RLY-012", "1.json": "POE-RLY-013"}
    assert await nonce_of(market) == nonce


async def test_the_command_says_of_each_file_what_became_of_it(
    market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(market, tmp_path)
    await market.post_deposits()
    await desk.take_proof(1)
    desk.take("noise", b"{}")
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(key_of("copier").hex())
    flags = RollupFlags(arbiter="0x" + market.parameters.address.hex(), rpc_url=market.anvil.url, json=True)
    await trio.to_thread.run_sync(partial(relay_command, *desk.files, rollup=flags, l1_key=key))
    told = {Path(one["file"]).name: one["code"] for one in json.loads(capsys.readouterr().out)["files"]}
    assert told == {"1.json": "POE-RLY-001", "noise": "POE-RLY-021"}
    assert await market.clients["copier"].credit_of(RELAYER) == GOOD_TIP
