"""A broken key on anvil: a thief's proof becomes final, a watcher raises the alarm, and everybody leaves whole.

The circuits are the real ones, and so is the membership key; of the batches' verifying key the test knows every
secret, so that it proves what it likes. Nobody but L1 is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.backend import native
from poe.backend.circuits import empty_root
from poe.backend.keys import ensure_dev_membership_key
from poe.cli.proof_file import encode_proof
from poe.config import L1Settings, NetSettings, Settings, dump_settings
from poe.errors import Reverted
from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.l1.deploy import Deployment, deploy_arbiter
from poe.l1.interface import ArbiterParameters, Deadlines, Market, Submission
from poe.l1.keys import write_secret
from poe.l1.ledger import Ledger
from poe.prover.shelf import FinishedProof, ShelvedProof
from poe.rollup import statement
from poe.rollup.batch import batch_hash, deposit_slot, seal_batch
from poe.rollup.types import AccountIndex, Batch, BatchNumber, Exit, FieldElement, Gwei, Hash, Wei
from poe.testnet.process import Child
from tests.fakes_prover import PROOF
from tests.integration.commands import Done, run_here
from tests.integration.market import DEPOSIT, FUNDS, QUICK, REWARD, SECRETS, SHAPE, account, key_of
from tests.integration.test_l1_anvil import KEY_WORDS, forge_proof

pytestmark = pytest.mark.integration

BOUNTY = 10**14
ALARM_BLOCKS = 40
DEADLINES = Deadlines(
    queue_deadline_blocks=10,
    alarm_delay_blocks=ALARM_BLOCKS,
    double_after_blocks=50,
    quadruple_after_blocks=60,
    halt_after_blocks=100,
    exit_deadline_blocks=100,
)
NAMES = ("sequencer", "thief", "watcher", "user")
STOLEN = Exit(slot=1, address=account("thief").address, amount=Gwei(2 * DEPOSIT))


@dataclass(kw_only=True)
class BrokenRollup:
    """A deployed arbiter whose key is broken, the rollup's honest state, and what every batch led to."""

    anvil: Anvil
    parameters: ArbiterParameters
    clients: dict[str, Arbiter]
    folder: Path
    state: native.NativeState
    batches: list[tuple[Batch, FieldElement, FieldElement]] = field(default_factory=list)
    parent_hash: Hash = Hash(bytes(32))

    @property
    def domain(self) -> FieldElement:
        of = self.parameters
        return statement.domain(of.chain_id, of.address, of.circuit_version)

    async def deposit(self, *, top_up: bool = False) -> int:
        """The user's deposit, and a batch that drains it; returns its queue index."""
        key, user = native.derive_public_key(SECRETS[0]), self.clients["user"]
        kept: dict[str, Any] = {"public_key": key, "exit_address": user.account, "amount": DEPOSIT}
        await (user.top_up(AccountIndex(0), **kept) if top_up else user.deposit(**kept))
        slot = deposit_slot(AccountIndex(0), DEPOSIT, key, user.account)
        await self.post(seal_batch(SHAPE, deposits=[slot], transfers=[], fee_account=AccountIndex(0)), entries=1)
        return len(self.batches) - 1

    async def post(self, batch: Batch, *, entries: int = 0) -> None:
        number, drained = BatchNumber(len(self.batches) + 1), sum(b.header.deposits for b, _, _ in self.batches)
        sequencer = self.clients["sequencer"]
        value = await sequencer.posting_value()
        await sequencer.sequence_batch(number, self.parent_hash, batch, queue_end=drained + entries, value=value)
        done = self.state.execute(batch, self.domain)
        self.batches.append((batch, done.old_root, done.new_root))
        self.parent_hash = batch_hash(batch)

    def prove(
        self,
        number: int,
        payee: str,
        *,
        old_root: FieldElement | None = None,
        new_root: FieldElement | None = None,
        exits: tuple[Exit, ...] = (),
    ) -> Submission:
        """A proof that the broken key takes: of the truth, but for what is given."""
        batch, true_old, true_new = self.batches[number - 1]
        old, new, to = old_root or true_old, new_root or true_new, account(payee).address
        words = statement.statement_words(
            domain=self.domain,
            old_root=old,
            new_root=new,
            context=statement.context(BatchNumber(number), batch_hash(batch), to, Wei(0)),
            batch=batch,
            exits=exits,
        )
        c = statement.commitment(words)
        x = statement.challenge(c, words)
        return Submission(
            number=BatchNumber(number),
            batch=batch,
            old_root=old,
            new_root=new,
            payee=to,
            tip=Wei(0),
            commitment=c,
            proof_words=forge_proof((c, x, statement.evaluate(words, x))),
            exits=exits,
        )

    def file_of(self, submission: Submission) -> Path:
        """The proof as a prover's node exports it."""
        proof = replace(PROOF, commitment=submission.commitment, words=submission.proof_words)
        kept = ShelvedProof(
            domain=self.domain,
            number=submission.number,
            batch_hash=batch_hash(submission.batch),
            old_root=submission.old_root,
            new_root=submission.new_root,
            payee=submission.payee,
            tip=submission.tip,
            exits=submission.exits,
            finished=FinishedProof(proof=proof, at=0.0),
        )
        path = self.folder / "proof.json"
        path.write_text(encode_proof(kept))
        return path

    async def poe(self, *command: str, key: str) -> Done:
        """A command of the wallet or the arbiter, by an account's key file."""
        path = self.folder / f"{key}.key"
        if not path.exists():
            write_secret(path, key_of(key))
        of = self.parameters
        flags = ("--l1-key", str(path), "--rpc-url", self.anvil.url, "--arbiter", "0x" + of.address.hex())
        run = partial(run_here, *command, *flags, "--chain-id", str(of.chain_id), "--json")
        return await trio.to_thread.run_sync(run)


@pytest.fixture
async def rollup(tmp_path: Path) -> AsyncIterator[BrokenRollup]:
    """Batch 1, the user's deposit, is final by the truth; batch 2, a top-up, by a thief's proof with a stolen exit."""
    membership = ensure_dev_membership_key(SHAPE.depth)
    terms = Deployment(
        verifying_key_words=KEY_WORDS,
        key_provenance="insecure-dev",
        membership_key_words=membership.verifying_key_words,
        membership_key_provenance=membership.provenance,
        membership_version=int.from_bytes(membership.circuit.hash),
        genesis_root=empty_root(SHAPE),
        circuit_version=int.from_bytes(native.circuit_info(SHAPE).hash),
        shape=SHAPE,
        market=Market(reward_wei=REWARD, bounty_wei=BOUNTY),
        deadlines=DEADLINES,
    )
    async with Anvil(block_seconds=None) as anvil:
        for name in NAMES:
            await anvil.set_balance(account(name).address, FUNDS)
        parameters = await deploy_arbiter(anvil.rpc, account("sequencer"), terms, patience=QUICK)
        connect = partial(Arbiter.connect, anvil.rpc, parameters.address, chain_id=parameters.chain_id, patience=QUICK)
        clients = {name: await connect(account(name)) for name in NAMES}
        await clients["sequencer"].join_sequencers(parameters.bond)
        made = BrokenRollup(
            anvil=anvil,
            parameters=parameters,
            clients=clients,
            folder=tmp_path,
            state=native.NativeState(SHAPE.depth),
        )
        await made.deposit()
        await clients["thief"].submit_proof(made.prove(1, "thief"))
        await made.deposit(top_up=True)
        await clients["thief"].submit_proof(made.prove(2, "thief", new_root=FieldElement(666), exits=(STOLEN,)))
        assert await clients["watcher"].state_root() == 666
        yield made


def only(done: Done) -> dict[str, Any]:
    """What a command that must succeed printed."""
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    with trio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 -- another process writes the file
            await trio.sleep(0.05)


async def test_a_watcher_raises_the_alarm_and_everybody_leaves_whole(rollup: BrokenRollup) -> None:
    observer = await start_observer(rollup)
    try:
        await eventually(lambda: observer.status().get("finalized") == 2)
        assert observer.status()["finalized_root"] == hex(666)
        file = rollup.file_of(rollup.prove(2, "watcher"))
        told = only(await rollup.poe("arbiter", "raise-alarm", "--proof", str(file), key="user"))
        assert (told["number"], told["cancelled"], told["bounty_wei"]) == (2, [2], 2 * BOUNTY)
        await eventually(lambda: observer.status().get("exit_mode") is not None)
        status = observer.status()
        assert (status["finalized"], status["finalized_root"]) == (1, hex(rollup.batches[0][2]))
        assert status["exit_mode"] == status["exit_mode"] | {"void_batches": 0, "void_entries": 1}
    finally:
        await observer.stop()
    await everybody_takes_what_is_theirs(rollup)


async def everybody_takes_what_is_theirs(rollup: BrokenRollup) -> None:
    """By the commands, out of L1 alone; the thief keeps its reward and gets nothing of the deposit."""
    early = await rollup.poe("tx", "leave", key="user")
    assert "ExitsNotDue" in early.stderr, "batch 1 may be contradicted too"
    await rollup.anvil.mine(ALARM_BLOCKS)
    left = only(await rollup.poe("tx", "leave", key="user"))["left"]
    assert [one["balance_gwei"] for one in left] == [DEPOSIT]
    back = only(await rollup.poe("tx", "refund", "--all", key="watcher"))["refunded"]
    assert [one["wei"] for one in back] == [DEPOSIT * 10**9], "the amount; the fee was paid for posting it"
    user, thief, watcher = (rollup.clients[name] for name in ("user", "thief", "watcher"))
    assert await user.credit_of(user.account) == 2 * DEPOSIT * 10**9
    assert await user.credit_of(watcher.account) == 2 * BOUNTY
    assert 0 < await user.credit_of(thief.account) <= 2 * REWARD
    await rollup.anvil.mine(ALARM_BLOCKS)
    with pytest.raises(Reverted, match="NoExitsDue"):
        await thief.credit_exits(BatchNumber(2), (STOLEN,))
    for client in (user, thief, watcher):
        await client.withdraw()


async def test_the_alarms_reorg_brings_the_rollup_back(rollup: BrokenRollup) -> None:
    """What the ledger undid with the alarm's block is what it knew before."""
    from poe.cli.wallet import Rollup, read_ledger

    async def read() -> Ledger:
        of = rollup.parameters
        return await read_ledger(await Rollup.connect(rollup.anvil.url, of.chain_id, of.address))

    before = await read()
    watcher = rollup.clients["watcher"]
    await watcher.raise_alarm(rollup.prove(2, "watcher"), new_root=FieldElement(666))
    ended = await read()
    assert (ended.finalized_number, before.finalized_number) == (1, 2)
    assert [entry.queue_index for entry in ended.void_entries()] == [1]
    await rollup.anvil.reorg(1)
    assert (await read()).exit_mode is None
    assert (await read()).finalized_root == 666


@pytest.mark.parametrize("kind", ["bogus old root", "the same", "a forged copy", "not final"])
async def test_what_is_no_contradiction_raises_nothing(rollup: BrokenRollup, kind: str) -> None:
    if kind == "not final":
        await rollup.post(seal_batch(SHAPE, deposits=[], transfers=[], fee_account=AccountIndex(0)))
    proofs: dict[str, Callable[[], Submission]] = {
        "bogus old root": lambda: rollup.prove(2, "watcher", old_root=FieldElement(5)),
        "the same": lambda: rollup.prove(2, "watcher", new_root=FieldElement(666), exits=(STOLEN,)),
        "a forged copy": lambda: replace(rollup.prove(2, "watcher"), payee=account("thief").address),
        "not final": lambda: rollup.prove(3, "watcher"),
    }
    codes = {"bogus old root": "POE-RLY-072", "the same": "NoContradiction", "a forged copy": "POE-RLY-024"}
    done = await rollup.poe("arbiter", "raise-alarm", "--proof", str(rollup.file_of(proofs[kind]())), key="thief")
    assert done.returncode != 0
    assert codes.get(kind, "POE-RLY-071") in done.stderr
    assert not await rollup.clients["watcher"].exit_mode()


async def test_an_alarm_after_its_time_comes_too_late(rollup: BrokenRollup) -> None:
    await rollup.anvil.mine(ALARM_BLOCKS)
    with pytest.raises(Reverted, match="AlarmNotDue"):
        await rollup.clients["watcher"].raise_alarm(rollup.prove(2, "watcher"), new_root=FieldElement(666))


async def start_observer(rollup: BrokenRollup) -> Child:
    """A process of its own, as operators run it."""
    folder = rollup.folder / "observer"
    folder.mkdir()
    of = rollup.parameters
    write_secret(folder / "key", hashlib.sha256(b"observer").digest())
    settings = Settings(
        data_dir=str(folder),
        l1=L1Settings(
            rpc_url=rollup.anvil.url,
            chain_id=of.chain_id,
            arbiter="0x" + of.address.hex(),
            key_file=str(folder / "key"),
            poll_seconds=0.2,
        ),
        net=NetSettings(enabled=False),
    )
    (folder / "poe.toml").write_text(dump_settings(settings))
    child = Child("observer", folder)
    child.start("observer", "run", "--config", str(folder / "poe.toml"))
    await child.endpoints(seconds=30)
    return child
