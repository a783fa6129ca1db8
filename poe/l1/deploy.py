"""Deploys the verifier and the arbiter from the shipped artifacts; no single-party key off development chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poe.errors import ConfigError
from poe.l1.abi import load_artifact
from poe.l1.contract import KEY_WORDS, decode_revert
from poe.l1.interface import ArbiterParameters, Deadlines, Market
from poe.l1.keys import Signer
from poe.l1.policy import NOBODY, PolicyTerms, create_policy
from poe.l1.rpc import Rpc
from poe.l1.transactor import FeePolicy, Patience, Transactor
from poe.l1.views import ArbiterViews
from poe.rollup.types import Address, FieldElement, Gwei, Shape

DEVELOPMENT_CHAINS = (31337, 1337)
"""Chain ids of local development chains."""

INSECURE_PROVENANCE = "insecure-dev"
"""Provenance of a proving key one party made alone: who made it can forge proofs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What an arbiter is deployed with; without a policy the first valid proof of a batch is paid at once."""

    verifying_key_words: Sequence[int]
    key_provenance: str
    membership_key_words: Sequence[int]
    membership_key_provenance: str
    membership_version: int
    genesis_root: FieldElement
    circuit_version: int
    shape: Shape
    min_deposit: Gwei = Gwei(1)
    market: Market = Market()
    deadlines: Deadlines = Deadlines()
    policy: PolicyTerms | None = None


async def deploy_arbiter(
    rpc: Rpc,
    signer: Signer,
    deployment: Deployment,
    *,
    fees: FeePolicy | None = None,
    patience: Patience | None = None,
) -> ArbiterParameters:
    """Deploy a verifier for batches, one for membership, the policy, if any, and the arbiter; read the arbiter back.

    ConfigError for a key of the wrong length, or an insecure one on a chain that is not for development; Reverted
    when a contract refuses its configuration; L1Error as any send.
    """
    chain_id = await rpc.chain_id()
    _require_fit_key(deployment.verifying_key_words, deployment.key_provenance, chain_id)
    _require_fit_key(deployment.membership_key_words, deployment.membership_key_provenance, chain_id)
    transactor = Transactor(rpc, signer, chain_id=chain_id, decode_revert=decode_revert, fees=fees, patience=patience)
    verifiers = [
        (await transactor.create(load_artifact("Groth16Verifier").creation_code(list(words))))[0]
        for words in (deployment.verifying_key_words, deployment.membership_key_words)
    ]
    policy = NOBODY if deployment.policy is None else await create_policy(rpc, transactor, deployment.policy)
    code = load_artifact("Arbiter").creation_code(_config(verifiers, policy, deployment))
    address, _ = await transactor.create(code)
    return await ArbiterViews(rpc, address).parameters()


def _config(verifiers: Sequence[Address], policy: Address, deployment: Deployment) -> tuple[object, ...]:
    """`IArbiter.Config` in its field order."""
    market, deadlines = deployment.market, deployment.deadlines
    return (
        *verifiers,
        policy,
        deployment.genesis_root,
        deployment.circuit_version,
        deployment.membership_version,
        deployment.shape.slots,
        deployment.shape.depth,
        market.reward,
        market.reward_floor,
        market.bond,
        market.bounty,
        deployment.min_deposit,
        market.target_delay_blocks,
        deadlines.double_after_blocks,
        deadlines.quadruple_after_blocks,
        deadlines.halt_after_blocks,
        market.window_blocks,
        deadlines.queue_deadline_blocks,
        deadlines.alarm_delay_blocks,
        deadlines.exit_deadline_blocks,
    )


def _require_fit_key(words: Sequence[int], provenance: str, chain_id: int) -> None:
    if len(words) != KEY_WORDS:
        raise ConfigError(f"a verifying key has {KEY_WORDS} words, got {len(words)}")
    require_secure_key(provenance, chain_id)


def require_secure_key(provenance: str, chain_id: int) -> None:
    """ConfigError for a key whose secrets somebody knows on a chain that is not for development."""
    if provenance == INSECURE_PROVENANCE and chain_id not in DEVELOPMENT_CHAINS:
        raise ConfigError(
            f"the proving key's provenance is {INSECURE_PROVENANCE}: whoever made it can forge proofs, and chain"
            f" {chain_id} is not a development chain",
            fix="use a key from a multi-party ceremony",
        )
