"""Read-only calls of an arbiter; its immutables are checked against each other."""

from __future__ import annotations

from typing import Any

from poe.errors import BadAnswer, RpcRefused, WrongChain
from poe.l1 import answers
from poe.l1.abi import Artifact, load_artifact
from poe.l1.interface import ArbiterParameters
from poe.l1.rpc import JsonRpc
from poe.rollup.statement import domain
from poe.rollup.types import FIELD_ORDER, Address, FieldElement, Gwei, Shape, Wei


class ArbiterViews:
    """Read-only calls of an arbiter; needs no account."""

    def __init__(self, rpc: JsonRpc, address: Address) -> None:
        self._rpc = rpc
        self.address = address
        self.artifact = load_artifact("Arbiter")
        self._verifier = load_artifact("Groth16Verifier")

    async def require_contract(self) -> None:
        """WrongChain unless the address holds code."""
        code = await self._rpc.call("eth_getCode", "0x" + self.address.hex(), "latest")
        if not answers.data(code, "eth_getCode"):
            raise self._no_arbiter("no contract lives there")

    async def parameters(self) -> ArbiterParameters:
        """The immutables, checked against each other; WrongChain if this is no arbiter of ours."""
        await self.require_contract()
        try:
            return await self._read_parameters()
        except (BadAnswer, RpcRefused):
            raise self._no_arbiter("the contract there does not answer like one") from None

    async def view(self, name: str, *arguments: object) -> Any:
        """One view call: its single result, or the tuple of them."""
        return await read_view(self._rpc, self.artifact, self.address, name, *arguments)

    async def _read_parameters(self) -> ArbiterParameters:
        chain_id = await self._rpc.chain_id()
        circuit_version = element(await self.view("circuitVersion"))
        if await self.view("domain") != domain(chain_id, self.address, circuit_version):
            raise self._no_arbiter(f"its domain is not that of chain {chain_id}")
        try:
            shape = Shape(slots=await self.view("slots"), depth=await self.view("depth"))
        except ValueError as error:
            raise self._no_arbiter(str(error)) from None
        return ArbiterParameters(
            address=self.address,
            chain_id=chain_id,
            deployed_at_block=await self._deployed_at(),
            shape=shape,
            circuit_version=circuit_version,
            genesis_root=element(await self.view("genesisRoot")),
            policy=address(await self.view("policy")),
            reward=Wei(await self.view("reward")),
            reward_floor=Wei(await self.view("rewardFloor")),
            bond=Wei(await self.view("bond")),
            bounty=Wei(await self.view("bounty")),
            target_delay_blocks=await self.view("targetDelay"),
            double_after_blocks=await self.view("doubleAfter"),
            quadruple_after_blocks=await self.view("quadrupleAfter"),
            halt_after_blocks=await self.view("haltAfter"),
            window_blocks=await self.view("window"),
            queue_deadline_blocks=await self.view("queueDeadline"),
            alarm_delay_blocks=await self.view("alarmDelay"),
            exit_deadline_blocks=await self.view("exitDeadline"),
            min_deposit=Gwei(await self.view("minDeposit")),
            verifying_key_words=await self._key_of("verifier"),
            membership_version=element(await self.view("membershipVersion")),
            membership_key_words=await self._key_of("membershipVerifier"),
        )

    async def _key_of(self, verifier: str) -> tuple[int, ...]:
        """The verifying key that one of the arbiter's two verifiers holds."""
        words = await read_view(self._rpc, self._verifier, address(await self.view(verifier)), "verifyingKey")
        return tuple(words)

    async def _deployed_at(self) -> int:
        block: int = await self.view("deployedAt")
        head = (await self._rpc.latest()).number
        if not 0 < block <= head:
            raise self._no_arbiter(f"deployed at block {block}, the head is {head}")
        return block

    def _no_arbiter(self, why: str) -> WrongChain:
        return WrongChain(
            f"no arbiter at 0x{self.address.hex()} on {self._rpc.endpoint}: {why}",
            fix="check the arbiter's address and the network",
        )


async def read_view(rpc: JsonRpc, artifact: Artifact, to: Address, name: str, *arguments: object) -> Any:
    """A contract's view at L1's head: its single result, or the tuple of them. BadAnswer, RpcRefused, L1Unreachable."""
    fields = {"to": "0x" + to.hex(), "data": "0x" + artifact.encode_call(name, *arguments).hex()}
    answer = answers.data(await rpc.call("eth_call", fields, "latest"), "eth_call")
    values = artifact.decode_result(name, answer)
    return values[0] if len(values) == 1 else values


def element(value: int) -> FieldElement:
    """A view's root or version; BadAnswer when it is none."""
    if value >= FIELD_ORDER:
        raise BadAnswer("a root or version of the arbiter is not below the field order")
    return FieldElement(value)


def address(value: str) -> Address:
    """A view's address."""
    return Address(bytes.fromhex(value.removeprefix("0x")))
