"""What whoever deploys an arbiter chooses: how long things may wait, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from poe.errors import ConfigError
from poe.rollup.types import Wei

WEI_A_GWEI = 10**9

MOST_FACTOR = 4
"""The ladder multiplies a late batch's reward by so much at most (section 10); all but one are its poster's to pay."""

STEPS = 32
"""The controller moves the least reward by this part of it with each final batch (section 10)."""
HEADROOM_STEPS = 2
"""We offer for so many batches proved late that become final before our posting is mined. What is offered is paid."""

UNPROVEN_BATCHES = 64
"""A bond of no given size allows so many batches without a proof."""

_DEADLINE, _MARKET = "POE-CFG-013", "POE-CFG-070"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the arbiter lets things wait, in L1 blocks (docs/protocol.md, sections 8 to 10).

    ConfigError unless each fits 32 bits, anyone may post the queue long before anyone may end the rollup, and the
    steps of the ladder grow.

    Parameters
    ----------
    queue_deadline_blocks
        Every posting must drain queue entries older than this; after twice as long anyone may post them.
    alarm_delay_blocks
        Exits can be credited this many blocks after their batch became final; until then an alarm can cancel it.
    double_after_blocks
        A batch whose proof comes later than this pays two rewards, the second out of its poster's bond.
    quadruple_after_blocks
        Later than this it pays four.
    halt_after_blocks
        No batch can be posted while one has waited for a proof for longer than this.
    exit_deadline_blocks
        Anyone may end the rollup once a batch or a queue entry waits for longer; more than twice the queue's deadline.
    """

    queue_deadline_blocks: int = 100
    alarm_delay_blocks: int = 20
    double_after_blocks: int = 300
    quadruple_after_blocks: int = 900
    halt_after_blocks: int = 3600
    exit_deadline_blocks: int = 7200

    def __post_init__(self) -> None:
        for name in self.__slots__:
            _require_bits(name, getattr(self, name), 32, _DEADLINE)
        if self.exit_deadline_blocks <= 2 * self.queue_deadline_blocks:
            raise ConfigError(
                f"the exit deadline is {self.exit_deadline_blocks} blocks, the queue's {self.queue_deadline_blocks}",
                fix="the exit deadline must be more than twice the queue's",
                code=_DEADLINE,
            )
        ladder = (self.double_after_blocks, self.quadruple_after_blocks, self.halt_after_blocks)
        if not ladder[0] < ladder[1] < ladder[2] <= self.exit_deadline_blocks:
            raise ConfigError(
                f"the ladder's steps are {ladder} blocks, the exit deadline {self.exit_deadline_blocks}",
                fix="double_after < quadruple_after < halt_after <= exit_deadline",
                code=_DEADLINE,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a batch is worth and what a sequencer puts down (docs/protocol.md, section 10); money in Wei.

    ConfigError where the arbiter would refuse it. The defaults fit L1 blocks of a second.

    Parameters
    ----------
    reward_wei
        The most a batch's reward is, and what it starts at; whole gwei.
    reward_floor_wei
        The least it falls to; by default a quarter of the most. Equal to the most: the reward is fixed.
    bond_wei
        What a sequencer puts down, at least three rewards; by default enough for 64 batches without a proof.
    bounty_wei
        What every posting adds to the pot of whoever raises a true alarm.
    target_delay_blocks
        Blocks between a batch's posting and its proof that the reward is steered towards.
    window_blocks
        Blocks of a sequencer's turn; in its second half others may post if it has been silent.
    """

    reward_wei: int = 10**16
    reward_floor_wei: int | None = None
    bond_wei: int | None = None
    bounty_wei: int = 0
    target_delay_blocks: int = 20
    window_blocks: int = 30

    def __post_init__(self) -> None:
        kept_bits = {"reward_wei": 48, "reward_floor_wei": 48, "bond_wei": 64}
        for (name, bits), value in zip(kept_bits.items(), (self.reward, self.reward_floor, self.bond), strict=True):
            _require_bits(name, value // WEI_A_GWEI, bits, _MARKET, unit="gwei")
            if value % WEI_A_GWEI:
                raise ConfigError(f"{name} is {value}", fix="wanted: whole gwei", code=_MARKET)
        _require_bits("bounty_wei", self.bounty, 96, _MARKET)
        for name in ("target_delay_blocks", "window_blocks"):
            _require_bits(name, getattr(self, name), 32, _MARKET)
        if self.reward_floor > self.reward:
            raise ConfigError(
                f"the least reward is {self.reward_floor}, the most {self.reward}", fix="lower it", code=_MARKET
            )
        if self.bond < (MOST_FACTOR - 1) * self.reward:
            raise ConfigError(
                f"the bond is {self.bond}, the reward {self.reward}", fix="bond three rewards or more", code=_MARKET
            )
        if self.window_blocks == 0:
            raise ConfigError("a sequencer's turn lasts 0 blocks", fix="give it one or more", code=_MARKET)

    @property
    def reward(self) -> Wei:
        """The most a batch's reward is."""
        return Wei(self.reward_wei)

    @property
    def reward_floor(self) -> Wei:
        """The least it falls to: whole gwei."""
        if self.reward_floor_wei is not None:
            return Wei(self.reward_floor_wei)
        return Wei(self.reward_wei // (4 * WEI_A_GWEI) * WEI_A_GWEI)

    @property
    def bond(self) -> Wei:
        """What a sequencer puts down."""
        wanted = UNPROVEN_BATCHES * (MOST_FACTOR - 1) * self.reward_wei
        return Wei(wanted if self.bond_wei is None else self.bond_wei)

    @property
    def bounty(self) -> Wei:
        """What a posting adds to the alarm's pot."""
        return Wei(self.bounty_wei)


def offer_for(least: Wei, most: Wei) -> Wei:
    """The reward that a posting offers, whole gwei, where `least` is asked now and `most` is the ceiling."""
    wanted = least * (STEPS + HEADROOM_STEPS) // STEPS
    return Wei(min(-(-wanted // WEI_A_GWEI) * WEI_A_GWEI, most))


def _require_bits(name: str, value: int, bits: int, code: str, *, unit: str = "") -> None:
    if not 0 <= value < 2**bits:
        told = f" {unit}" if unit else ""
        raise ConfigError(f"{name} is {value}{told}", fix=f"wanted: 0 to 2^{bits} - 1{told}", code=code)
