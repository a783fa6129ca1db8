"""BLAKE-512 by its specification's and another implementation's answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poe.crypto.blake512 import blake512

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
CASES = json.loads((VECTORS / "blake512.json").read_text())["cases"]


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        # Appendix of the specification: one and two compressions.
        (
            bytes(1),
            "97961587f6d970faba6d2478045de6d1fabd09b61ae50932054d52bc29d31be4"
            "ff9102b9f69e2bbdb83be13d4b9c06091e5fa0b48bd081b634058be0ec49beb3",
        ),
        (
            bytes(144),
            "313717d608e9cf758dcb1eb0f0c3cf9fc150b2d500fb33f51c52afc99d358a2f"
            "1374b8a38bba7974e7f6ef79cab16f22ce1e649d6e01ad9589c213045d545dde",
        ),
    ],
)
def test_digest_is_the_specifications(message: bytes, digest: str) -> None:
    assert blake512(message).hex() == digest


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['message']) // 2 - 1} bytes")
def test_digest_around_the_paddings_edges(case: dict[str, str]) -> None:
    assert "0x" + blake512(bytes.fromhex(case["message"][2:])).hex() == case["hash"]


def test_vectors_cover_a_block_of_padding_alone() -> None:
    lengths = {len(case["message"]) // 2 - 1 for case in CASES}
    assert {111, 112, 128, 240} <= lengths
