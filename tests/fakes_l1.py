"""A scripted L1 behind the real JSON-RPC parsing: blocks, logs, reorgs, outages and lies, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import trio
from eth_abi import encode

from poe.errors import L1Unreachable
from poe.l1.abi import load_artifact
from poe.l1.interface import (
    AlarmRaised,
    ArbiterEvent,
    ArbiterParameters,
    Awarded,
    AwardWaits,
    BatchFinalized,
    BatchRefunded,
    BatchSequenced,
    BlockRef,
    BondChanged,
    BondReleased,
    Deposited,
    EntryRefunded,
    ExitModeEntered,
    ExitsCredited,
    ForcedExitQueued,
    ForcedTransactionQueued,
    Left,
    LogOrigin,
    ProofAccepted,
    ProofContends,
    SequencerJoined,
    SequencerLeft,
    SequencerSlashed,
    Withdrawn,
)
from poe.l1.rpc import Rpc
from poe.rollup.batch import batch_hash
from poe.rollup.types import (
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Header,
    Shape,
    Wei,
)

SHAPE = Shape(slots=4, depth=5)
ARBITER = Address(b"\xa7" * 20)
GENESIS_ROOT = FieldElement(1000)
ALICE, BOB = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
REWARD = Wei(10**15)

PARAMETERS = ArbiterParameters(
    address=ARBITER,
    chain_id=31337,
    deployed_at_block=3,
    shape=SHAPE,
    circuit_version=7,
    genesis_root=GENESIS_ROOT,
    policy=Address(bytes(20)),
    reward=REWARD,
    reward_floor=REWARD,
    bond=Wei(30 * REWARD),
    bounty=Wei(0),
    target_delay_blocks=10,
    double_after_blocks=50,
    quadruple_after_blocks=100,
    halt_after_blocks=200,
    window_blocks=10,
    queue_deadline_blocks=100,
    alarm_delay_blocks=20,
    exit_deadline_blocks=300,
    min_deposit=Gwei(1),
    verifying_key_words=tuple(range(22)),
    membership_version=8,
    membership_key_words=tuple(range(22, 44)),
)

NOWHERE = LogOrigin(
    block=BlockRef(number=0, hash=Hash(bytes(32)), parent_hash=Hash(bytes(32)), timestamp=0),
    tx_hash=Hash(bytes(32)),
    log_index=0,
)
"""Origin of an event that no chain has placed yet."""


def deposited(index: int, *, origin: LogOrigin = NOWHERE) -> Deposited:
    return Deposited(
        origin=origin,
        queue_index=index,
        account=AccountIndex(index % SHAPE.capacity),
        public_key_x=11,
        public_key_y=12,
        exit_address=13,
        amount=Gwei(5 + index),
    )


def forced_exit(index: int, *, origin: LogOrigin = NOWHERE) -> ForcedExitQueued:
    return ForcedExitQueued(
        origin=origin, queue_index=index, account=AccountIndex(4), exit_address=BOB, amount=Gwei(6 + index)
    )


def forced_transaction(index: int, *, origin: LogOrigin = NOWHERE) -> ForcedTransactionQueued:
    return ForcedTransactionQueued(origin=origin, queue_index=index, slot=bytes(range(128)))


def credited(number: int, *exits: tuple[int, Address, int], origin: LogOrigin = NOWHERE) -> ExitsCredited:
    return ExitsCredited(
        origin=origin,
        number=BatchNumber(number),
        exits=tuple(Exit(slot=slot, address=address, amount=Gwei(amount)) for slot, address, amount in exits),
    )


def a_batch(salt: int = 0, *, deposits: int = 0, forced: int = 0) -> Batch:
    header = Header(shape=SHAPE, deposits=deposits, forced=forced, fee_account=AccountIndex(2))
    return Batch(header=header, data=salt.to_bytes(4) * (SHAPE.slots * 32))


def sequenced(
    number: int,
    parent: Hash,
    *,
    salt: int = 0,
    deposits: int = 0,
    forced: int = 0,
    queue_end: int = 0,
    origin: LogOrigin = NOWHERE,
) -> BatchSequenced:
    batch = a_batch(salt, deposits=deposits, forced=forced)
    return BatchSequenced(
        origin=origin,
        number=BatchNumber(number),
        parent_hash=parent,
        batch_hash=batch_hash(batch),
        batch=batch,
        reward=REWARD,
        queue_end=queue_end,
    )


def accepted(
    number: int,
    old_root: int,
    new_root: int,
    *,
    payee: Address = BOB,
    submitter: Address = ALICE,
    tip: int = 0,
    origin: LogOrigin = NOWHERE,
) -> ProofAccepted:
    return ProofAccepted(
        origin=origin,
        number=BatchNumber(number),
        old_root=FieldElement(old_root),
        new_root=FieldElement(new_root),
        payee=payee,
        submitter=submitter,
        tip=Wei(tip),
    )


def finalized(number: int, new_root: int, *, payee: Address = BOB, origin: LogOrigin = NOWHERE) -> BatchFinalized:
    return BatchFinalized(
        origin=origin, number=BatchNumber(number), new_root=FieldElement(new_root), payee=payee, reward=REWARD
    )


def withdrawn(payee: Address, amount: int, *, origin: LogOrigin = NOWHERE) -> Withdrawn:
    return Withdrawn(origin=origin, payee=payee, amount=Wei(amount))


def exit_mode_entered(
    number: int, state_root: int, *, queue_end: int = 0, origin: LogOrigin = NOWHERE
) -> ExitModeEntered:
    return ExitModeEntered(
        origin=origin, number=BatchNumber(number), state_root=FieldElement(state_root), queue_end=queue_end
    )


def batch_refunded(
    number: int, *, poster: Address = ALICE, reward: Wei = REWARD, origin: LogOrigin = NOWHERE
) -> BatchRefunded:
    return BatchRefunded(origin=origin, number=BatchNumber(number), poster=poster, reward=reward)


def entry_refunded(index: int, beneficiary: Address, amount: int, *, origin: LogOrigin = NOWHERE) -> EntryRefunded:
    return EntryRefunded(origin=origin, queue_index=index, beneficiary=beneficiary, amount=Wei(amount))


def left(account: int, exit_address: Address, balance: int, *, origin: LogOrigin = NOWHERE) -> Left:
    return Left(origin=origin, account=AccountIndex(account), exit_address=exit_address, balance=Gwei(balance))


def joined(sequencer: Address, *, bond: int = 30 * REWARD, origin: LogOrigin = NOWHERE) -> SequencerJoined:
    return SequencerJoined(origin=origin, sequencer=sequencer, bond=Wei(bond))


def gave_up(sequencer: Address, *, origin: LogOrigin = NOWHERE) -> SequencerLeft:
    return SequencerLeft(origin=origin, sequencer=sequencer)


def bond_changed(sequencer: Address, bond: int, number: int = 0, *, origin: LogOrigin = NOWHERE) -> BondChanged:
    return BondChanged(origin=origin, sequencer=sequencer, bond=Wei(bond), number=BatchNumber(number))


def bond_released(sequencer: Address, amount: int, *, origin: LogOrigin = NOWHERE) -> BondReleased:
    return BondReleased(origin=origin, sequencer=sequencer, amount=Wei(amount))


def slashed(sequencer: Address, reporter: Address, amount: int, *, origin: LogOrigin = NOWHERE) -> SequencerSlashed:
    return SequencerSlashed(origin=origin, sequencer=sequencer, reporter=reporter, amount=Wei(amount))


def contends(number: int, old_root: int, payee: Address, *, tip: int = 0, origin: LogOrigin = NOWHERE) -> ProofContends:
    return ProofContends(
        origin=origin,
        number=BatchNumber(number),
        old_root=FieldElement(old_root),
        payee=payee,
        submitter=ALICE,
        tip=Wei(tip),
    )


def award_waits(number: int, until: int, *, payee: Address = BOB, origin: LogOrigin = NOWHERE) -> AwardWaits:
    return AwardWaits(origin=origin, number=BatchNumber(number), payee=payee, until=until)


def awarded(number: int, payee: Address, *, reward: Wei = REWARD, origin: LogOrigin = NOWHERE) -> Awarded:
    return Awarded(origin=origin, number=BatchNumber(number), payee=payee, reward=reward)


def alarm_raised(
    number: int,
    old_root: int,
    new_root: int,
    other_root: int,
    *,
    payee: Address = ALICE,
    bounty: int = 0,
    origin: LogOrigin = NOWHERE,
) -> AlarmRaised:
    return AlarmRaised(
        origin=origin,
        number=BatchNumber(number),
        payee=payee,
        old_root=FieldElement(old_root),
        new_root=FieldElement(new_root),
        other_root=FieldElement(other_root),
        bounty=Wei(bounty),
    )


def log_parts(event: ArbiterEvent) -> tuple[list[bytes], bytes]:
    """Topics and data as the arbiter emits the event."""
    match event:
        case Deposited():
            indexed = [event.queue_index, event.account]
            exit_address = event.exit_address.to_bytes(20)
            values = (event.public_key_x, event.public_key_y, exit_address, event.amount)
        case ForcedExitQueued():
            indexed, values = [event.queue_index, event.account], (event.exit_address, event.amount)
        case ForcedTransactionQueued():
            words = [event.slot[i : i + 32] for i in range(0, 128, 32)]
            indexed, values = [event.queue_index], (words,)
        case ExitsCredited():
            packed = [exit.slot << 224 | int.from_bytes(exit.address) << 64 | exit.amount for exit in event.exits]
            indexed, values = [event.number], (packed,)
        case BatchSequenced():
            header = event.batch.header
            indexed = [event.number, int.from_bytes(event.batch_hash)]
            words = (header.deposits, header.forced, header.fee_account)
            values = (event.parent_hash, words, event.batch.data, event.reward, event.queue_end)
        case ProofAccepted():
            indexed = [event.number, int.from_bytes(event.payee)]
            values = (event.old_root, event.new_root, event.submitter, event.tip)
        case BatchFinalized():
            indexed = [event.number, int.from_bytes(event.payee)]
            values = (event.new_root, event.reward)
        case Withdrawn():
            indexed, values = [int.from_bytes(event.payee)], (event.amount,)
        case ExitModeEntered():
            indexed, values = [event.number], (event.state_root, event.queue_end)
        case BatchRefunded():
            indexed, values = [event.number, int.from_bytes(event.poster)], (event.reward,)
        case EntryRefunded():
            indexed, values = [event.queue_index, int.from_bytes(event.beneficiary)], (event.amount,)
        case Left():
            indexed, values = [event.account, int.from_bytes(event.exit_address)], (event.balance,)
        case SequencerJoined():
            indexed, values = [int.from_bytes(event.sequencer)], (event.bond,)
        case SequencerLeft():
            indexed, values = [int.from_bytes(event.sequencer)], ()
        case BondChanged():
            indexed, values = [int.from_bytes(event.sequencer)], (event.bond, event.number)
        case BondReleased():
            indexed, values = [int.from_bytes(event.sequencer)], (event.amount,)
        case SequencerSlashed():
            indexed = [int.from_bytes(event.sequencer), int.from_bytes(event.reporter)]
            values = (event.amount,)
        case ProofContends():
            indexed, values = [event.number, int.from_bytes(event.payee)], (event.old_root, event.submitter, event.tip)
        case AwardWaits():
            indexed, values = [event.number, int.from_bytes(event.payee)], (event.until,)
        case Awarded():
            indexed, values = [event.number, int.from_bytes(event.payee)], (event.reward,)
        case AlarmRaised():
            indexed = [event.number, int.from_bytes(event.payee)]
            values = (event.old_root, event.new_root, event.other_root, event.bounty)
    name = type(event).__name__
    kind = next(kind for kind in load_artifact("Arbiter").events.values() if kind.name == name)
    return [kind.topic, *(value.to_bytes(32) for value in indexed)], encode(kind.data, values)


@dataclass
class FakeBlock:
    ref: BlockRef
    logs: list[dict[str, object]] = field(default_factory=list)


Lie = Callable[[str, object], object]
"""Gets a method and its honest result, gives the answer's result or raises."""


class FakeChain:
    """Blocks with logs, as an endpoint would serve them; `salt` makes a branch's hashes its own."""

    def __init__(self, *, blocks: int = 3) -> None:
        self.blocks: list[FakeBlock] = []
        self.is_down = False
        self.lie: Lie = lambda _, result: result
        self.calls: list[tuple[str, list[object]]] = []
        self._salt = 0
        for _ in range(blocks + 1):
            self.mine()

    @property
    def head(self) -> BlockRef:
        return self.blocks[-1].ref

    def mine(self, *events: ArbiterEvent) -> BlockRef:
        number = len(self.blocks)
        parent = self.blocks[-1].ref.hash if self.blocks else Hash(bytes(32))
        own = Hash(hashlib.sha256(parent + number.to_bytes(8) + self._salt.to_bytes(8)).digest())
        ref = BlockRef(number=number, hash=own, parent_hash=parent, timestamp=1_700_000_000 + number)
        self.blocks.append(FakeBlock(ref, [self._log(ref, i, *log_parts(e)) for i, e in enumerate(events)]))
        return ref

    def drop(self, depth: int) -> None:
        """Forget the last blocks: what comes next is another branch."""
        del self.blocks[-depth:]
        self._salt += 1

    def reorg(self, depth: int) -> None:
        """Replace the last blocks by as many empty ones."""
        self.drop(depth)
        for _ in range(depth):
            self.mine()

    def answer(self, method: str, params: list[object]) -> object:
        self.calls.append((method, params))
        if self.is_down:
            raise L1Unreachable(f"{method}: the fake is down")
        return self.lie(method, getattr(self, method)(*params))

    def eth_getBlockByNumber(self, which: str, _whole: bool) -> object:
        number = len(self.blocks) - 1 if which == "latest" else int(which, 16)
        if number >= len(self.blocks):
            return None
        ref = self.blocks[number].ref
        return {
            "number": hex(ref.number),
            "hash": "0x" + ref.hash.hex(),
            "parentHash": "0x" + ref.parent_hash.hex(),
            "timestamp": hex(ref.timestamp),
            "baseFeePerGas": hex(10**9),
        }

    def eth_getLogs(self, query: dict[str, str]) -> object:
        if "blockHash" in query:
            found = [block for block in self.blocks if "0x" + block.ref.hash.hex() == query["blockHash"]]
        else:
            found = self.blocks[int(query["fromBlock"], 16) : int(query["toBlock"], 16) + 1]
        return [log for block in found for log in block.logs]

    def _log(self, ref: BlockRef, index: int, topics: Sequence[bytes], data: bytes) -> dict[str, object]:
        return {
            "address": "0x" + ARBITER.hex(),
            "topics": ["0x" + topic.hex() for topic in topics],
            "data": "0x" + data.hex(),
            "blockNumber": hex(ref.number),
            "blockHash": "0x" + ref.hash.hex(),
            "transactionHash": "0x" + hashlib.sha256(ref.hash + bytes((index,))).hexdigest(),
            "logIndex": hex(index),
            "removed": False,
        }


class FakeRpc(Rpc):
    """The real connection but for the socket: `source(method, params)` gives a call's `result` or raises."""

    def __init__(self, source: Callable[[str, list[object]], object]) -> None:
        super().__init__("http://fake.invalid:8545")
        self._source = source

    async def _answer(self, method: str, params: list[object]) -> object:
        await trio.lowlevel.checkpoint()
        return {"jsonrpc": "2.0", "id": 1, "result": self._source(method, params)}
