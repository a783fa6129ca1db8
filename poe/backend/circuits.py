"""The two circuits that this build computes, held against those that an arbiter verifies."""

from __future__ import annotations

from poe.backend import native
from poe.backend.interface import CircuitInfo
from poe.errors import BackendError
from poe.rollup.types import FieldElement, Shape


def circuits_of(shape: Shape) -> tuple[CircuitInfo, CircuitInfo]:
    """Our circuits of a batch and of membership (docs/protocol.md, sections 5 and 9)."""
    return native.circuit_info(shape), native.membership_circuit_info(shape.depth)


def require_circuits(shape: Shape, *, circuit_version: int, membership_version: int, genesis_root: int) -> None:
    """BackendError unless an arbiter's circuits are ours and it starts from the empty state."""
    batch, membership = circuits_of(shape)
    told = {"circuit": (circuit_version, batch), "membership circuit": (membership_version, membership)}
    for name, (version, ours) in told.items():
        if int.from_bytes(ours.hash) != version:
            raise BackendError(
                f"the arbiter's {name} is {version:#066x}, ours of shape {shape} is 0x{ours.hash.hex()}",
                fix="run the version of poe that the arbiter was deployed with",
                code="POE-BCK-002",
            )
    if empty_root(shape) != genesis_root:
        raise BackendError("the arbiter does not start from the empty state", code="POE-BCK-003")


def empty_root(shape: Shape) -> FieldElement:
    """Root of the state without accounts."""
    return native.NativeState(shape.depth, history=1).root
