"""What a prover needs under an arbiter's award policy: the policy's contract, and our stake in it."""

from __future__ import annotations

import logging

from poe.assembly.chain import Chain
from poe.config import Settings
from poe.l1.contract import Arbiter
from poe.l1.policy import PolicyClient, PolicyViews
from poe.l1.tally import Tally
from poe.prover.awards import Awards
from poe.prover.candidates import Candidates
from poe.rollup.types import Address, Wei

log = logging.getLogger("poe.prover.awards")


async def open_awards(
    settings: Settings, chain: Chain, arbiter: Arbiter, candidates: Candidates, *, payee: Address, tally: Tally
) -> Awards | None:
    """Who is paid by the arbiter's policy, and our stake put down; None where the first valid proof is paid.

    ConfigError for a policy we do not know; L1Error when the stake is refused.
    """
    parameters = chain.parameters
    if not any(parameters.policy):
        return None
    views = await PolicyViews.find(chain.rpc, parameters.policy, arbiter=parameters.address)
    awards = Awards(views, arbiter, candidates, us=payee, tally=tally)
    awards.is_passive = settings.prover.shadow
    if settings.prover.stake_wei and not settings.prover.shadow:
        client = PolicyClient(views, arbiter.transactor)
        if await client.ensure_stake(payee, Wei(settings.prover.stake_wei)):
            log.info("staked payee=0x%s wei=%d", payee.hex(), settings.prover.stake_wei)
    return awards
