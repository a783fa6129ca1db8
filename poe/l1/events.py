"""The arbiter's logs become the interface's events, strictly: lengths, ranges, field order, batch hash."""

from __future__ import annotations

from typing import Any

from poe.l1.abi import Artifact, EventType, decode_exactly
from poe.l1.answers import RawLog
from poe.l1.interface import (
    AlarmRaised,
    ArbiterEvent,
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
from poe.rollup.batch import batch_hash
from poe.rollup.types import (
    FIELD_ORDER,
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


class EventDecoder:
    """Decodes one arbiter's logs; every method raises ValueError, and nothing else, for a log it cannot accept."""

    def __init__(self, artifact: Artifact, *, shape: Shape) -> None:
        self._types = artifact.events
        self._shape = shape

    def decode(self, log: RawLog, block: BlockRef) -> tuple[ArbiterEvent, ...]:
        """What a log in `block` says: one event, or two where the arbiter tells them by one log."""
        if not log.topics or log.topics[0] not in self._types:
            raise ValueError("no event of the arbiter has this topic")
        kind = self._types[log.topics[0]]
        indexed, values = _values(kind, log)
        origin = LogOrigin(block=block, tx_hash=log.tx_hash, log_index=log.log_index)
        if kind.name == "BatchProved":
            return _proved(origin, indexed, values)
        told = self._of_batches(kind.name, origin, indexed, values) or _of_market(kind.name, origin, indexed, values)
        if told is None:
            raise ValueError(f"the event {kind.name} is not one we follow")
        return (told,)

    def _of_batches(
        self, name: str, origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]
    ) -> ArbiterEvent | None:
        """Of deposits, batches, proofs and the end; None for an event of another name."""
        match name:
            case "Deposited":
                return self._deposited(origin, indexed, values)
            case "ForcedExitQueued":
                return _forced_exit(origin, indexed, values)
            case "ForcedTransactionQueued":
                return ForcedTransactionQueued(origin=origin, queue_index=indexed[0], slot=b"".join(values[0]))
            case "BatchSequenced":
                return self._sequenced(origin, indexed, values)
            case "ProofAccepted":
                return _accepted(origin, indexed, values)
            case "BatchFinalized":
                return _finalized(origin, indexed, values)
            case "ExitsCredited":
                return self._credited(origin, indexed, values)
            case "Withdrawn":
                return Withdrawn(origin=origin, payee=_address(indexed[0]), amount=Wei(values[0]))
            case "ExitModeEntered":
                return _exit_mode_entered(origin, indexed, values)
            case "BatchRefunded":
                number, poster = _number(indexed[0]), _address(indexed[1])
                return BatchRefunded(origin=origin, number=number, poster=poster, reward=Wei(values[0]))
            case "EntryRefunded":
                to = _address(indexed[1])
                return EntryRefunded(origin=origin, queue_index=indexed[0], beneficiary=to, amount=Wei(values[0]))
            case "Left":
                return self._left(origin, indexed, values)
        return None

    def _deposited(self, origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> Deposited:
        key_x, key_y, exit_address, amount = values
        if amount == 0 or int(exit_address, 16) == 0:
            raise ValueError("a deposit has an amount and an exit address")
        return Deposited(
            origin=origin,
            queue_index=indexed[0],
            account=self._account(indexed[1]),
            public_key_x=_element(key_x),
            public_key_y=_element(key_y),
            exit_address=int(exit_address, 16),
            amount=Gwei(amount),
        )

    def _sequenced(self, origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> BatchSequenced:
        parent_hash, (deposits, forced, fee_account), posted, reward, queue_end = values
        if deposits + forced > self._shape.slots:
            raise ValueError(f"header with {deposits} deposits, {forced} forced does not fit {self._shape}")
        header = Header(shape=self._shape, deposits=deposits, forced=forced, fee_account=AccountIndex(fee_account))
        batch = Batch(header=header, data=posted)
        if batch_hash(batch) != indexed[1]:
            raise ValueError("batch hash is not the hash of header and data")
        return BatchSequenced(
            origin=origin,
            number=_number(indexed[0]),
            parent_hash=Hash(parent_hash),
            batch_hash=Hash(indexed[1]),
            batch=batch,
            reward=Wei(reward),
            queue_end=queue_end,
        )

    def _credited(self, origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> ExitsCredited:
        exits = tuple(map(_exit, values[0]))
        slots = [leaving.slot for leaving in exits]
        if slots != sorted(set(slots)) or any(slot >= self._shape.slots for slot in slots):
            raise ValueError(f"exits of slots {slots} are none of a batch of shape {self._shape}")
        return ExitsCredited(origin=origin, number=_number(indexed[0]), exits=exits)

    def _left(self, origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> Left:
        return Left(
            origin=origin,
            account=self._account(indexed[0]),
            exit_address=_address(indexed[1]),
            balance=Gwei(values[0]),
        )

    def _account(self, index: int) -> AccountIndex:
        if index >= self._shape.capacity:
            raise ValueError(f"account {index} is outside the tree")
        return AccountIndex(index)


def _of_market(name: str, origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> ArbiterEvent | None:
    """Of sequencers, awards and the alarm; None for an event of another name."""
    match name:
        case "SequencerJoined":
            return SequencerJoined(origin=origin, sequencer=_address(indexed[0]), bond=Wei(values[0]))
        case "SequencerLeft":
            return SequencerLeft(origin=origin, sequencer=_address(indexed[0]))
        case "BondChanged":
            bond, number = Wei(values[0]), BatchNumber(values[1])
            return BondChanged(origin=origin, sequencer=_address(indexed[0]), bond=bond, number=number)
        case "BondReleased":
            return BondReleased(origin=origin, sequencer=_address(indexed[0]), amount=Wei(values[0]))
        case "SequencerSlashed":
            sequencer, reporter = map(_address, indexed)
            return SequencerSlashed(origin=origin, sequencer=sequencer, reporter=reporter, amount=Wei(values[0]))
        case "ProofContends":
            return _contender(origin, indexed, values)
        case "AwardWaits":
            number, payee = _number(indexed[0]), _address(indexed[1])
            return AwardWaits(origin=origin, number=number, payee=payee, until=values[0])
        case "Awarded":
            number, payee = _number(indexed[0]), _address(indexed[1])
            return Awarded(origin=origin, number=number, payee=payee, reward=Wei(values[0]))
        case "AlarmRaised":
            return _alarm(origin, indexed, values)
    return None


def _contender(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> ProofContends:
    old_root, submitter, tip = values
    return ProofContends(
        origin=origin,
        number=_number(indexed[0]),
        old_root=_element(old_root),
        payee=_address(indexed[1]),
        submitter=_address(submitter),
        tip=Wei(tip),
    )


def _alarm(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> AlarmRaised:
    old_root, new_root, other_root, bounty = values
    return AlarmRaised(
        origin=origin,
        number=_number(indexed[0]),
        payee=_address(indexed[1]),
        old_root=_element(old_root),
        new_root=_element(new_root),
        other_root=_element(other_root),
        bounty=Wei(bounty),
    )


def _forced_exit(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> ForcedExitQueued:
    exit_address, amount = values
    return ForcedExitQueued(
        origin=origin,
        queue_index=indexed[0],
        account=AccountIndex(indexed[1]),
        exit_address=_address(exit_address),
        amount=Gwei(amount),
    )


def _accepted(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> ProofAccepted:
    old_root, new_root, submitter, tip = values
    return ProofAccepted(
        origin=origin,
        number=_number(indexed[0]),
        old_root=_element(old_root),
        new_root=_element(new_root),
        payee=_address(indexed[1]),
        submitter=_address(submitter),
        tip=Wei(tip),
    )


def _proved(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> tuple[ArbiterEvent, ...]:
    """A proof that made its batch final at once: two events by one log."""
    *proof, reward = values
    return _accepted(origin, indexed, tuple(proof)), _finalized(origin, indexed, (proof[1], reward))


def _finalized(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> BatchFinalized:
    return BatchFinalized(
        origin=origin,
        number=_number(indexed[0]),
        new_root=_element(values[0]),
        payee=_address(indexed[1]),
        reward=Wei(values[1]),
    )


def _exit_mode_entered(origin: LogOrigin, indexed: list[Any], values: tuple[Any, ...]) -> ExitModeEntered:
    """`number` is 0 when no batch ever became final."""
    state_root, queue_end = values
    return ExitModeEntered(
        origin=origin, number=BatchNumber(indexed[0]), state_root=_element(state_root), queue_end=queue_end
    )


def _exit(word: int) -> Exit:
    """slot(8) ‖ address(160) ‖ amount(64), as `Exit.word` packs it; bits above make a slot that no shape has."""
    address = Address((word >> 64 & (1 << 160) - 1).to_bytes(20))
    return Exit(slot=word >> 224, address=address, amount=Gwei(word & (1 << 64) - 1))


def _values(kind: EventType, log: RawLog) -> tuple[list[Any], tuple[Any, ...]]:
    if len(log.topics) != 1 + len(kind.indexed):
        raise ValueError(f"{kind.name} has {1 + len(kind.indexed)} topics, got {len(log.topics)}")
    indexed = [decode_exactly((of,), topic)[0] for of, topic in zip(kind.indexed, log.topics[1:], strict=True)]
    return indexed, decode_exactly(kind.data, log.data)


def _number(value: int) -> BatchNumber:
    if value == 0:
        raise ValueError("batches count from 1")
    return BatchNumber(value)


def _element(value: int) -> FieldElement:
    if value >= FIELD_ORDER:
        raise ValueError("value is not below the field order")
    return FieldElement(value)


def _address(value: str) -> Address:
    return Address(bytes.fromhex(value.removeprefix("0x")))
