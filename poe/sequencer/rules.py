"""What the settings mean for the engine and for sealing."""

from __future__ import annotations

from poe.backend.interface import EngineRules
from poe.config import SequencerSettings
from poe.l1.interface import ArbiterParameters
from poe.rollup.types import AccountIndex, FieldElement
from poe.sequencer.batcher import SealingRules
from poe.sequencer.chain import KEPT_BATCHES

TRANSACTIONS_PER_ACCOUNT = 256


def engine_rules(settings: SequencerSettings, parameters: ArbiterParameters, domain: FieldElement) -> EngineRules:
    """The engine's rules on an arbiter's chain."""
    return EngineRules(
        shape=parameters.shape,
        domain=domain,
        fee_account=AccountIndex(settings.fee_account),
        pool_transactions=settings.mempool_transactions,
        pool_per_account=min(TRANSACTIONS_PER_ACCOUNT, settings.mempool_transactions),
        pool_seconds=settings.mempool_seconds,
        kept_batches=KEPT_BATCHES,
        max_unposted=settings.max_unposted_batches,
    )


def sealing_rules(settings: SequencerSettings, parameters: ArbiterParameters) -> SealingRules:
    """When batches are cut."""
    return SealingRules(
        shape=parameters.shape,
        seal_seconds=settings.seal_seconds,
        max_unposted_batches=settings.max_unposted_batches,
        max_unproven_batches=settings.max_unproven_batches,
    )
