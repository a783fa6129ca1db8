"""An arbiter with the keys that this build makes or has imported."""

from __future__ import annotations

from poe.backend import native
from poe.backend.circuits import empty_root
from poe.backend.interface import KeyInfo
from poe.l1.deploy import Deployment, deploy_arbiter
from poe.l1.interface import ArbiterParameters, Deadlines, Market
from poe.l1.keys import Signer
from poe.l1.policy import PolicyTerms
from poe.l1.rpc import Rpc
from poe.rollup.types import Shape


async def deploy_with_key(
    rpc: Rpc,
    signer: Signer,
    key: KeyInfo,
    membership_key: KeyInfo,
    *,
    shape: Shape,
    market: Market = Market(),
    deadlines: Deadlines = Deadlines(),
    policy: PolicyTerms | None = None,
) -> ArbiterParameters:
    """Deploy an arbiter that verifies with these keys and starts from the empty state; BackendError for a worthless
    one."""
    for worthy in (key, membership_key):
        native.check_verifying_key(worthy.verifying_key_words, worthy.circuit)
    deployment = Deployment(
        verifying_key_words=key.verifying_key_words,
        key_provenance=key.provenance,
        membership_key_words=membership_key.verifying_key_words,
        membership_key_provenance=membership_key.provenance,
        membership_version=int.from_bytes(membership_key.circuit.hash),
        genesis_root=empty_root(shape),
        circuit_version=int.from_bytes(key.circuit.hash),
        shape=shape,
        market=market,
        deadlines=deadlines,
        policy=policy,
    )
    return await deploy_arbiter(rpc, signer, deployment)
