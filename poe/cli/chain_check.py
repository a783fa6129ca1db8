"""What a check-up finds on Ethereum: endpoint, clock, arbiter, circuits and keys, and what the account can pay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from poe.cli.findings import Finding, failure, good, refusal, skipped, warning
from poe.cli.machine import (
    KEY_BYTES_PER_CONSTRAINT,
    LEAST_DISK_BYTES,
    TABLE_BYTES_PER_CONSTRAINT,
    Machine,
    check_memory,
    existing_part,
)
from poe.config import Settings
from poe.errors import EndpointsDisagree, L1Error, PoeError

if TYPE_CHECKING:
    from poe.l1.endpoints import Endpoints
    from poe.l1.interface import ArbiterParameters, BlockRef
    from poe.l1.member import Member
    from poe.rollup.types import Address

MOST_SKEW_SECONDS = 15.0
"""A block may be dated a slot ahead of a good clock, no more."""
STALE_SECONDS = 180.0
"""Without a block for so long the endpoint stands still, or our clock is ahead."""
FEW = 20
AFTER_ENDPOINT = ("clock", "arbiter", "circuits", "proving key", "memory", "balance")


async def check_chain(settings: Settings, machine: Machine, *, role: str, account: Address | None) -> list[Finding]:
    """Everything that takes an endpoint, in the order in which one thing needs the other."""
    from poe.l1.endpoints import connect_endpoints

    wanted = [name for name in AFTER_ENDPOINT if _concerns(name, role)]
    try:
        rpc = connect_endpoints(settings.l1.rpc_urls, deadline_seconds=settings.l1.deadline_seconds)
    except PoeError as error:
        return [refusal("endpoint", error), *(skipped(name, "no endpoint") for name in wanted)]
    try:
        findings = await check_endpoints(rpc, settings.l1.chain_id)
        head = await rpc.latest()
    except PoeError as error:
        return [refusal("endpoint", error), *(skipped(name, "the endpoint is not right") for name in wanted)]
    else:
        findings.append(check_clock(settings, machine, head))
        findings += await _check_arbiter(settings, machine, rpc, role, account)
        return [one for one in findings if _concerns(one.check, role)]
    finally:
        rpc.close()


async def check_endpoints(rpc: Endpoints, chain_id: int) -> list[Finding]:
    """Each endpoint by itself, then all against each other; a PoeError when none can be used.

    One of several that is not right is a warning: the node goes on with the others.
    """
    await rpc.require_chain(chain_id)
    if len(rpc.members) == 1:
        return [good("endpoint", _told_of(rpc.members[0], chain_id))]
    findings = [_check_member(member, chain_id) for member in rpc.members]
    if rpc.dispute:
        return [*findings, failure("agreement", EndpointsDisagree.code, rpc.dispute)]
    return [*findings, good("agreement", "the endpoints that are used tell of one chain")]


def _check_member(member: Member, chain_id: int) -> Finding:
    from poe.l1.member import Standing

    name, error = f"endpoint {member.place}", member.failure
    if member.standing in (Standing.GOOD, Standing.DISPUTED) and member.is_on_our_chain:
        return good(name, _told_of(member, chain_id))
    if error is None:
        error = L1Error(f"{member.rpc.endpoint} is {member.standing}", code="POE-L1-083")
    return warning(name, error.code, f"{error.message}; the others are used", error.fix)


def _told_of(member: Member, chain_id: int) -> str:
    head = "none" if member.head is None else member.head.number
    return f"{member.rpc.endpoint} serves chain {chain_id}, head {head}"


def check_clock(settings: Settings, machine: Machine, head: BlockRef) -> Finding:
    """Our clock against the time of the last block."""
    from poe.l1.deploy import DEVELOPMENT_CHAINS

    age = machine.now - head.timestamp
    if age < -MOST_SKEW_SECONDS:
        return failure("clock", "POE-DOC-005", f"this clock is {-age:.0f} s behind the last block")
    if age > STALE_SECONDS:
        told = f"the last block is {age:.0f} s old: the endpoint stands still, or this clock is ahead"
        idles = settings.l1.chain_id in DEVELOPMENT_CHAINS
        return (warning if idles else failure)("clock", "POE-DOC-005", told)
    return good("clock", f"the last block is {max(age, 0):.0f} s old")


async def _check_arbiter(
    settings: Settings, machine: Machine, rpc: Endpoints, role: str, account: Address | None
) -> list[Finding]:
    from poe.assembly.chain import parse_address
    from poe.l1.views import ArbiterViews

    try:
        parameters = await ArbiterViews(rpc, parse_address(settings.l1.arbiter, "l1.arbiter")).parameters()
    except PoeError as error:
        later = (skipped(name, "no arbiter") for name in ("circuits", "proving key", "memory", "balance"))
        return [refusal("arbiter", error), *later]
    cost = (0, "proofs") if role == "prover" else (parameters.reward, "batches")
    return [
        _check_role(settings, parameters, role, account),
        *_check_keys(settings, parameters),
        check_memory(machine, settings, parameters.shape),
        await _check_balance(rpc, account, *cost),
    ]


def _check_role(settings: Settings, parameters: ArbiterParameters, role: str, account: Address | None) -> Finding:
    """Does the arbiter let us do what the role does?"""
    reward, offered = parameters.reward, settings.prover.tip_wei
    if role == "prover" and offered > reward:
        return failure("arbiter", "POE-CFG-011", f"prover.tip_wei is {offered}, the reward {reward}")
    told = f"0x{parameters.address.hex()}, shape {parameters.shape}, reward {reward / 10**18:g} ETH a batch"
    return good("arbiter", told)


def _check_keys(settings: Settings, parameters: ArbiterParameters) -> Iterator[Finding]:
    """The arbiter's circuits against ours, and whether there is a key to prove with."""
    from poe.assembly.chain import require_our_circuits, require_sound_keys
    from poe.backend import native

    try:
        require_our_circuits(parameters)
        require_sound_keys(parameters)
        circuit = native.circuit_info(parameters.shape)
        is_made_here = native.check_verifying_key(parameters.verifying_key_words, circuit)
    except PoeError as error:
        yield refusal("circuits", error)
        yield skipped("proving key", "the arbiter's circuits or keys are not right")
        return
    yield good("circuits", f"the arbiter's are ours, {circuit.constraints} constraints; its keys are sound")
    yield _check_proving_key(settings, parameters, circuit.constraints, is_made_here=is_made_here)


def _check_proving_key(
    settings: Settings, parameters: ArbiterParameters, constraints: int, *, is_made_here: bool
) -> Finding:
    from poe.backend.keys import default_cache, imported_key_path

    cache = Path(settings.prover.key_cache) if settings.prover.key_cache else default_cache()
    path = imported_key_path(parameters.shape, parameters.verifying_key_words, cache)
    if path.exists():
        return good("proving key", f"{path}")
    if not is_made_here:
        told = f"the arbiter's proving key is not in {cache}"
        return failure("proving key", "POE-BCK-004", told, "`poe circuit import-key` takes in its .zkey")
    if any(cache.glob(f"{parameters.shape}-*.tables")):
        return good("proving key", f"the development key, in {cache}")
    import shutil

    wanted = constraints * (KEY_BYTES_PER_CONSTRAINT + TABLE_BYTES_PER_CONSTRAINT["full"]) + LEAST_DISK_BYTES
    free = shutil.disk_usage(existing_part(cache)).free
    if free < wanted:
        told = f"key and tables take {wanted >> 20} MiB in {cache}, {free >> 20} are free"
        return failure("proving key", "POE-DOC-004", told)
    return good("proving key", f"the development key; its tables are made in {cache} at the first start")


async def _check_balance(rpc: Endpoints, account: Address | None, each: int, unit: str) -> Finding:
    """What the account can pay: so many times `each` wei and the gas of an accepted proof."""
    from poe.l1 import answers
    from poe.prover.odds import WIN_GAS

    if account is None:
        return skipped("balance", "there is no account key")
    try:
        found = await rpc.call("eth_getBalance", "0x" + account.hex(), "latest")
        wei = answers.quantity(found, "eth_getBalance", bits=256)
        price = answers.quantity(await rpc.call("eth_gasPrice"), "eth_gasPrice", bits=256)
    except PoeError as error:
        return refusal("balance", error)
    left = wei // max(1, each + WIN_GAS * price)
    told = f"0x{account.hex()} has {wei / 10**18:.6g} ETH, {_many(left)} {unit} left at {price / 10**9:.3g} gwei a gas"
    if left < 1:
        return failure("balance", "POE-DOC-006", told)
    return warning("balance", "POE-DOC-006", told) if left < FEW else good("balance", told)


def _many(count: int) -> str:
    return str(count) if count < 10**6 else f"10^{math.floor(math.log10(count))}"


def _concerns(check: str, role: str) -> bool:
    """Provers need a key and memory for it; observers have no account."""
    if check in ("proving key", "memory"):
        return role == "prover"
    return check != "balance" or role != "observer"
