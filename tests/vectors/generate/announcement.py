"""Writes announcement.json: what sequencers sign when they announce a batch, and signatures of it.

Usage: python announcement.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from poe.l1.keys import address_of, sign_hash
from poe.net.messages import announcement_digest
from poe.rollup.types import AccountIndex, BatchNumber, FieldElement, Hash, Header, Shape

ENCODING = "hex with 0x, big-endian; a signature is r, s, v: 65 bytes, s low, v 27 or 28"
CASES = (
    # domain, number, shape, deposits, forced, fee account, key
    (0, 1, Shape(slots=1, depth=1), 0, 0, 0, 1),
    (77, 2, Shape(slots=4, depth=2), 1, 2, 7, 0xA1),
    (2**247 + 12345, 2**32 + 5, Shape(slots=16, depth=10), 16, 0, 2**20 - 1, 2**255 + 19),
    (2**248 - 1, 2**64 - 1, Shape(slots=255, depth=24), 100, 155, 2**48 - 1, 2**128 + 3),
)


def case(position: int) -> dict[str, Any]:
    """One announcement, whatever it is worth."""
    domain, number, shape, deposits, forced, fee_account, secret = CASES[position]
    parent, content = Hash(bytes([position]) * 32), Hash(bytes([255 - position]) * 32)
    header = Header(shape=shape, deposits=deposits, forced=forced, fee_account=AccountIndex(fee_account))
    key = secret.to_bytes(32)
    digest = announcement_digest(
        domain=FieldElement(domain),
        number=BatchNumber(number),
        parent_hash=parent,
        batch_hash=content,
        header=header,
    )
    return {
        "domain": hex(domain),
        "number": hex(number),
        "parentHash": "0x" + parent.hex(),
        "batchHash": "0x" + content.hex(),
        "slots": hex(shape.slots),
        "depth": hex(shape.depth),
        "deposits": hex(deposits),
        "forced": hex(forced),
        "feeAccount": hex(fee_account),
        "digest": "0x" + digest.hex(),
        "signature": "0x" + sign_hash(key, digest).hex(),
        "signer": "0x" + address_of(key).hex(),
    }


def main() -> None:
    """Entry point."""
    vectors = {"encoding": ENCODING, "cases": [case(position) for position in range(len(CASES))]}
    (Path(sys.argv[1]) / "announcement.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
