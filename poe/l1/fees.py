"""What we pay for gas (EIP-1559): enough to be mined, never more than a transaction is worth."""

from __future__ import annotations

from dataclasses import dataclass

from poe.errors import FeesTooHigh
from poe.l1.send_log import InFlight, Message
from poe.l1.terms import WEI_A_GWEI
from poe.rollup.types import Address, Wei

TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePolicy:
    """EIP-1559 fees: max fee = 2 · base fee + tip, raised by `bump_percent` a resend, never above the ceiling.

    `max_queue_fee_wei` is the most we pay for one entry of the arbiter's queue, whatever the endpoint says it costs.
    """

    tip_wei: int = WEI_A_GWEI
    bump_percent: int = 25
    max_fee_wei: int = 1000 * WEI_A_GWEI
    gas_margin_percent: int = 20
    max_queue_fee_wei: int = 10**18

    def ceiling(self, message: Message, gas: int) -> int:
        """The most we pay a gas for this message."""
        most = self.max_fee_wei
        return most if message.worth is None else min(most, message.worth // (gas - message.spare_gas))

    def first(self, message: Message, gas: int, base_fee: int) -> tuple[int, int]:
        """Tip and max fee in wei a gas; FeesTooHigh when blocks cost more now than the message is worth."""
        ceiling = self.ceiling(message, gas)
        if message.worth is not None and ceiling < base_fee:
            raise FeesTooHigh(
                f"{gas - message.spare_gas} gas at a base fee of {base_fee} wei"
                f" cost more than the {message.worth} wei it is worth",
                fix="it is tried again when blocks are cheaper",
            )
        max_fee = min(ceiling, 2 * base_fee + self.tip_wei)
        return min(self.tip_wei, max_fee), max_fee

    def bumped(self, stuck: InFlight, base_fee: int, *, behind: InFlight | None = None) -> tuple[int, int]:
        """Fees now, or those of the version before and the bump that nodes ask of a replacement, up to the ceiling.

        An empty payment may cost what the one that waits behind it may.
        """
        most = self.ceiling(stuck.message, stuck.gas)
        if behind is not None and stuck.is_empty:
            most = max(most, self.ceiling(behind.message, behind.gas))
        bump = 100 + self.bump_percent
        max_fee = min(most, max(2 * base_fee + self.tip_wei, stuck.max_fee * bump // 100 + 1))
        return min(max_fee, max(self.tip_wei, stuck.tip * bump // 100 + 1)), max_fee

    def instead_of(self, stuck: InFlight, account: Address) -> Message:
        """An empty payment to ourselves that just replaces a transaction; it earns nothing, so it follows no spike.

        It costs at most a bump over what its gas would have cost in the transaction: below a tenth of the worth of one
        with 300,000 gas.
        """
        if stuck.message.worth is None:
            return Message(to=account)
        most = stuck.max_fee * (100 + self.bump_percent) // 100 + 1
        return Message(to=account, worth=Wei(most * TRANSFER_GAS))

    def filler(self, behind: InFlight, account: Address) -> Message:
        """An empty payment at a nonce that nobody uses, for the sake of one that waits behind it."""
        if behind.message.worth is None:
            return Message(to=account)
        return Message(to=account, worth=Wei(self.ceiling(behind.message, behind.gas) * TRANSFER_GAS))
