"""A real market in one process for end-to-end tests: anvil, contract, native state, real proofs of a small shape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from poe.assembly.deployment import deploy_with_key
from poe.backend import native
from poe.backend.interface import Execution, KeyInfo, Proof, ProofJob
from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key
from poe.backend.worker import WorkerProofs, open_worker
from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.l1.interface import ArbiterParameters, Deadlines, QueueEntry, Submission
from poe.l1.interface import Market as Terms
from poe.l1.keys import Signer
from poe.l1.transactor import Patience
from poe.rollup import statement
from poe.rollup.batch import batch_hash, deposit_slot, seal_batch
from poe.rollup.transaction import ExitRequest, SignedExit, SignedTransfer, Transfer
from poe.rollup.types import (
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    FieldElement,
    Gwei,
    Hash,
    Shape,
    Wei,
)
from poe.sequencer.queue import lay_out

SHAPE = Shape(slots=2, depth=2)
FUNDS = Wei(10**21)
DEPOSIT = Gwei(10**9)
REWARD = Wei(10**15)
SECRETS = (b"\x01" * 32, b"\x02" * 32)
QUICK = Patience(poll_seconds=0.01)
NAMES = ("sequencer", "prover", "rival", "copier")


def key_of(name: str) -> bytes:
    """The private key of a fixed L1 account."""
    return bytes([len(name)]) + name.encode().rjust(31, b".")


def account(name: str) -> Signer:
    """A fixed L1 account by name."""
    return Signer(key_of(name))


@dataclass(kw_only=True)
class Market:
    """A deployed arbiter with a sequencer's state, and a worker that proves."""

    anvil: Anvil
    parameters: ArbiterParameters
    clients: dict[str, Arbiter]
    worker: WorkerProofs
    state: native.NativeState
    domain: FieldElement
    shape: Shape = SHAPE
    parent_hash: Hash = Hash(bytes(32))
    number: BatchNumber = BatchNumber(0)
    queue_end: int = 0
    batches: dict[BatchNumber, tuple[Batch, Execution]] = field(default_factory=dict)

    async def post_deposits(self) -> BatchNumber:
        """Two users, or as many as a batch holds, deposit and a batch creates their accounts."""
        slots = []
        for index, secret in enumerate(SECRETS[: self.shape.slots]):
            key = native.derive_public_key(secret)
            exit_address = account("rival").address
            await self.clients["sequencer"].deposit(public_key=key, exit_address=exit_address, amount=DEPOSIT)
            slots.append(deposit_slot(AccountIndex(index), DEPOSIT, key, exit_address))
        return await self.post(deposits=slots)

    async def post_transfers(self) -> BatchNumber:
        """A batch with one transfer each way."""
        return await self.post([self.transfer(0, 1), self.transfer(1, 0)])

    async def post(self, transfers: Sequence[bytes] = (), *, deposits: Sequence[bytes] = ()) -> BatchNumber:
        """Execute and sequence a batch of these slots."""
        batch = seal_batch(self.shape, deposits=deposits, transfers=transfers, fee_account=AccountIndex(0))
        return await self._sequence(batch, len(deposits))

    async def post_draining(self, entries: Sequence[QueueEntry], transactions: Sequence[bytes] = ()) -> BatchNumber:
        """Execute and sequence a batch of these queue entries, the next in line, and then these slots."""
        drained = lay_out(entries)
        batch = seal_batch(
            self.shape,
            deposits=drained.deposits,
            forced_exits=drained.forced_exits,
            transfers=[*drained.forced_transactions, *transactions],
            fee_account=AccountIndex(0),
        )
        return await self._sequence(batch, len(entries))

    async def _sequence(self, batch: Batch, drained: int) -> BatchNumber:
        number, queue_end = BatchNumber(self.number + 1), self.queue_end + drained
        await self.clients["sequencer"].sequence_batch(
            number, self.parent_hash, batch, queue_end=queue_end, value=REWARD
        )
        self.note(number, batch, queue_end)
        return number

    def note(self, number: BatchNumber, batch: Batch, queue_end: int) -> None:
        """Execute a batch that L1 has ordered, whoever posted it."""
        self.batches[number] = (batch, self.state.execute(batch, self.domain))
        self.number, self.parent_hash, self.queue_end = number, batch_hash(batch), queue_end

    def transfer(self, sender: int, recipient: int, amount: int = 5, fee: int = 1) -> bytes:
        """A signed transfer that applies next."""
        held = self.state.account(AccountIndex(sender))
        assert held is not None
        transfer = Transfer(
            sender=AccountIndex(sender),
            recipient=AccountIndex(recipient),
            amount=Gwei(amount),
            fee=Gwei(fee),
            nonce=held.nonce,
        )
        x, y, s = native.sign(SECRETS[sender], native.poseidon([self.domain, transfer.word]))
        return SignedTransfer(transfer=transfer, r8=(x, y), s=s).slot

    def exit(self, sender: int, amount: int, fee: int = 1) -> bytes:
        """A signed exit that applies next."""
        held = self.state.account(AccountIndex(sender))
        assert held is not None
        asked = ExitRequest(sender=AccountIndex(sender), amount=Gwei(amount), fee=Gwei(fee), nonce=held.nonce)
        x, y, s = native.sign(SECRETS[sender], native.poseidon([self.domain, asked.word]))
        return SignedExit(exit=asked, r8=(x, y), s=s).slot

    async def prove(
        self, number: BatchNumber, payee: Address, *, tip: Wei = Wei(0), execution: Execution | None = None
    ) -> Submission:
        """A real proof of a posted batch for `payee`; of another execution of it, if one is given."""
        batch, ours = self.batches[number]
        execution = execution or ours
        proof = await self.worker.prove(self.job(number, payee, tip=tip, execution=execution))
        return submission_of(number, batch, execution, payee, tip, proof)

    def job(
        self, number: BatchNumber, payee: Address, *, tip: Wei = Wei(0), execution: Execution | None = None
    ) -> ProofJob:
        """What there is to prove of a posted batch."""
        batch, ours = self.batches[number]
        execution = execution or ours
        context = statement.context(number, batch_hash(batch), payee, tip)
        words = statement.statement_words(
            domain=self.domain,
            old_root=execution.old_root,
            new_root=execution.new_root,
            context=context,
            batch=batch,
            exits=execution.exits,
        )
        return ProofJob(trace=execution.trace, statement=words)

    async def prove_all(self) -> None:
        """Prove every batch that is not final and submit."""
        prover = self.clients["prover"]
        for number in range(await prover.finalized_number() + 1, self.number + 1):
            await prover.submit_proof(await self.prove(BatchNumber(number), prover.account))
        assert await prover.finalized_number() == self.number
        assert await prover.state_root() == self.state.root


def submission_of(
    number: BatchNumber, batch: Batch, execution: Execution, payee: Address, tip: Wei, proof: Proof
) -> Submission:
    """What `submitProof` takes."""
    return Submission(
        number=number,
        batch=batch,
        old_root=execution.old_root,
        new_root=execution.new_root,
        payee=payee,
        tip=tip,
        commitment=proof.commitment,
        proof_words=proof.words,
        exits=execution.exits,
    )


def dev_key() -> KeyInfo:
    """The development key of the small shape, from the cache."""
    return ensure_dev_key(SHAPE)


@asynccontextmanager
async def open_market(key: KeyInfo, shape: Shape = SHAPE, **deadlines: int) -> AsyncIterator[Market]:
    """Anvil that mines at once, the contract, funded accounts, a proving worker."""
    async with (
        Anvil(block_seconds=None) as anvil,
        open_worker(key.path, circuit_hash=key.circuit.hash, threads=2, on_cancelled=lambda _: None) as worker,
    ):
        for name in NAMES:
            await anvil.set_balance(account(name).address, FUNDS)
        sequencer = account("sequencer")
        parameters = await deploy_with_key(
            anvil.rpc,
            sequencer,
            key,
            ensure_dev_membership_key(shape.depth, key.path.parent),
            shape=shape,
            market=Terms(reward_wei=REWARD, reward_floor_wei=REWARD, bond_wei=3 * 1023 * REWARD),
            deadlines=Deadlines(**deadlines),
        )
        clients = {
            name: await Arbiter.connect(
                anvil.rpc, parameters.address, account(name), chain_id=parameters.chain_id, patience=QUICK
            )
            for name in NAMES
        }
        await clients["sequencer"].join_sequencers(parameters.bond)
        yield Market(
            anvil=anvil,
            parameters=parameters,
            clients=clients,
            worker=worker,
            state=native.NativeState(shape.depth),
            shape=shape,
            domain=statement.domain(parameters.chain_id, parameters.address, parameters.circuit_version),
        )
