"""A whole sequencer on an L1 in memory, by the reference backend; each part can be driven by hand."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import trio
from prometheus_client import CollectorRegistry

from poe.backend.engine import Engine
from poe.backend.interface import EngineRules
from poe.backend.reference import ReferenceSignatures, ReferenceState
from poe.crypto import eddsa
from poe.http.server import HttpLimits
from poe.journal import Journal
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.net.interface import BatchAnnouncement, Network
from poe.rollup.transaction import ExitRequest, SignedExit, SignedTransaction, SignedTransfer, Transfer, message_of
from poe.rollup.types import Account, AccountIndex, Address, BatchNumber, Gwei
from poe.sequencer.announcer import Announcer, Signed
from poe.sequencer.batcher import Batcher, SealingRules
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Chain, EngineChain
from poe.sequencer.hindrance import Obstacle
from poe.sequencer.intake import EngineIntake, Intake
from poe.sequencer.mempool import Mempool
from poe.sequencer.node import Sequencer
from poe.sequencer.publisher import Publisher
from poe.sequencer.reconciler import Reconciler
from poe.sequencer.rpc import Rpc
from poe.sequencer.turn import OurTurn
from poe.sequencer.work import EngineWork, PoolWork
from tests.fakes import DOMAIN, SHAPE, FakeFollower, FakeL1, in_place

SECRETS = tuple(bytes([number]) * 32 for number in range(1, 9))
KEYS = tuple(eddsa.derive_public_key(secret) for secret in SECRETS)
BALANCE = 1_000_000
SEAL_SECONDS = 2.0


def transfer(
    sender: int, nonce: int, *, to: int = 1, amount: int = 10, fee: int = 1, secret: bytes | None = None
) -> SignedTransfer:
    """A signed transfer of user `sender`, whose account has the same index."""
    unsigned = Transfer(
        sender=AccountIndex(sender), recipient=AccountIndex(to), amount=Gwei(amount), fee=Gwei(fee), nonce=nonce
    )
    return unsigned.sign(SECRETS[sender] if secret is None else secret, DOMAIN)


def exit_of(sender: int, nonce: int, *, amount: int = 10, fee: int = 1, secret: bytes | None = None) -> SignedExit:
    """A signed exit of user `sender`."""
    unsigned = ExitRequest(sender=AccountIndex(sender), amount=Gwei(amount), fee=Gwei(fee), nonce=nonce)
    return unsigned.sign(SECRETS[sender] if secret is None else secret, DOMAIN)


class MemoryJournal:
    """What `Signed` asks of a journal, without a disk."""

    def __init__(self) -> None:
        self.dropped = 0
        self._records: dict[tuple[str, bytes], bytes] = {}

    def get(self, kind: str, key: bytes) -> bytes | None:
        return self._records.get((kind, key))

    def put(self, kind: str, key: bytes, body: bytes) -> None:
        self._records[kind, key] = body

    def delete(self, kind: str, key: bytes) -> None:
        self._records.pop((kind, key), None)

    def items(self, kind: str) -> list[tuple[bytes, bytes]]:
        return sorted((key, body) for (of, key), body in self._records.items() if of == kind)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(kw_only=True)
class Rig:
    """The parts of a sequencer over `l1`; a second rig on the same L1 is a restarted or a foreign sequencer."""

    l1: FakeL1 = field(default_factory=FakeL1)
    max_unposted_batches: int = 8
    max_unproven_batches: int = 32
    kept_batches: int = 64
    capacity: int = 100
    capacity_per_account: int = 16
    network: Network | None = None
    store: Path | None = None
    resume_block: int = 0
    poster: Address | None = None
    """Who posts; None: the account of the L1's first seat."""
    journal: Journal | None = None

    def __post_init__(self) -> None:
        self.parameters = self.l1._parameters
        self.arbiter = self.l1.as_account(self.l1.account if self.poster is None else self.poster)
        self.follower = FakeFollower(self.l1)
        self.metrics, self.bell = Metrics(CollectorRegistry()), Bell()
        self.ledger = Ledger(self.parameters)
        self.mempool = Mempool(capacity=self.capacity, capacity_per_account=self.capacity_per_account)
        self.obstacle = Obstacle()
        self.turn = OurTurn(ledger=self.ledger, account=self.arbiter.account, l1_head=lambda: self.reconciler.l1_head)
        self._make_work()
        self.reconciler = Reconciler(
            chain=self.chain,
            ledger=self.ledger,
            work=self.work,
            metrics=self.metrics,
            bell=self.bell,
            resume_block=self.resume_block,
        )
        self.batcher = Batcher(
            chain=self.chain,
            ledger=self.ledger,
            turn=self.turn,
            work=self.work,
            rules=SealingRules(
                shape=SHAPE,
                seal_seconds=SEAL_SECONDS,
                max_unposted_batches=self.max_unposted_batches,
                max_unproven_batches=self.max_unproven_batches,
            ),
            metrics=self.metrics,
            bell=self.bell,
        )
        self.publisher = Publisher(
            chain=self.chain,
            ledger=self.ledger,
            reconciler=self.reconciler,
            arbiter=self.arbiter,
            parameters=self.parameters,
            turn=self.turn,
            announcer=Announcer(network=self.network, signed=self._signed(), sign=sign),
            obstacle=self.obstacle,
            metrics=self.metrics,
            bell=self.bell,
        )
        self.rpc = Rpc(intake=self.intake, chain=self.chain, work=self.work, ledger=self.ledger, obstacle=self.obstacle)

    def _signed(self) -> Signed:
        """What this account has announced; without a journal the process alone remembers."""
        journal = MemoryJournal() if self.journal is None else self.journal
        return Signed(journal, head=BatchNumber(0), has_seat=False)  # type: ignore[arg-type]

    def _make_work(self) -> None:
        """Pool and chain: Python's, or with a `store` the native engine's."""
        shared = {"metrics": self.metrics, "bell": self.bell, "offload": in_place}
        if self.store is None:
            self.chain = Chain(
                state=ReferenceState(SHAPE.depth), domain=DOMAIN, offload=in_place, kept_batches=self.kept_batches
            )
            self.work = PoolWork(chain=self.chain, mempool=self.mempool, shape=SHAPE, fee_account=AccountIndex(0))
            self.intake = Intake(
                chain=self.chain,
                mempool=self.mempool,
                signatures=ReferenceSignatures(),
                hash_message=lambda word: message_of(word, DOMAIN),
                **shared,
            )
            return
        rules = EngineRules(
            shape=SHAPE,
            domain=DOMAIN,
            fee_account=AccountIndex(0),
            pool_transactions=self.capacity,
            pool_per_account=self.capacity_per_account,
            pool_seconds=60.0,
            kept_batches=self.kept_batches,
            max_unposted=self.max_unposted_batches,
        )
        self.engine = Engine(rules, self.store, clock=trio.current_time)
        self.chain = EngineChain(self.engine, in_place)
        self.work = EngineWork(engine=self.engine, chain=self.chain)
        self.intake = EngineIntake(
            engine=self.engine, work=self.work, ledger=self.ledger, obstacle=self.obstacle, **shared
        )

    def node(self, data_dir: Path) -> Sequencer:
        """The parts put together."""
        return Sequencer(
            follower=self.follower,
            ledger=self.ledger,
            arbiter=self.arbiter,
            network=self.network,
            reconciler=self.reconciler,
            batcher=self.batcher,
            publisher=self.publisher,
            rpc=self.rpc,
            intake=self.intake if isinstance(self.intake, EngineIntake) else None,
            host="127.0.0.1",
            port=0,
            limits=HttpLimits(),
            metrics=self.metrics,
            data_dir=data_dir,
        )

    def deposit(self, *users: int, amount: int = BALANCE) -> None:
        """Queue a deposit for each of these users, in one block each."""
        for user in users:
            self.l1.mine(self.l1.enqueue(user, public_key=KEYS[user], amount=amount))

    async def sync(self) -> None:
        """Follow L1 as far as it goes."""
        while (update := self.follower.step()) is not None:
            await self.reconciler.follow(update)

    async def post(self) -> None:
        """Post every sealed batch and follow L1, with no publisher running."""
        while (sealed := self.publisher._next()) is not None:
            await self.publisher._post(sealed)
            await self.sync()

    async def with_users(self, count: int = 4) -> Rig:
        """Deposits of `count` users sealed, posted and followed."""
        self.deposit(*range(count))
        await self.sync()
        while await self.batcher.seal() is not None:
            pass
        await self.post()
        return self

    async def send(self, *transactions: SignedTransaction) -> None:
        """Admit; every one has to be taken."""
        verdicts = await self.intake.admit(transactions)
        assert verdicts == [None] * len(transactions), verdicts

    def account(self, index: int) -> Account:
        found = self.chain.account(AccountIndex(index))
        assert found is not None
        return found

    def counted(self, outcome: str) -> float:
        """Transactions counted under an outcome."""
        return float(self.metrics.transactions.labels(outcome=outcome)._value.get())


def sign(announcement: BatchAnnouncement) -> BatchAnnouncement:
    """A signature of zeros."""
    return BatchAnnouncement(
        number=announcement.number,
        parent_hash=announcement.parent_hash,
        batch_hash=announcement.batch_hash,
        header=announcement.header,
        signature=bytes(65),
    )
