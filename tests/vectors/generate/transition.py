"""transition.json: small batches whose outcomes are written by hand, whose roots the specification computes.

Run as `python transition.py [folder]`; the folder is by default the one above this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import exit_cases
import transfer_cases
from cases import DEPTH, DOMAIN, Case, O

from poe.crypto.field import to_word
from poe.rollup.batch import seal_batch
from poe.rollup.state import State
from poe.rollup.transition import apply_batch
from poe.rollup.types import AccountIndex, Batch, Exit, Shape


def encode_number(value: int) -> str:
    return "0x" + to_word(value).hex()


def encode_accounts(state: State) -> list[dict[str, str]]:
    return [
        {
            "index": encode_number(index),
            "public_key_x": encode_number(account.public_key_x),
            "public_key_y": encode_number(account.public_key_y),
            "balance": encode_number(account.balance),
            "nonce": encode_number(account.nonce),
            "exit_address": encode_number(account.exit_address),
        }
        for index, account in sorted(state.accounts.items())
    ]


def encode_exit(leaving: Exit) -> dict[str, str]:
    return {
        "slot": encode_number(leaving.slot),
        "address": "0x" + leaving.address.hex(),
        "amount": encode_number(leaving.amount),
    }


def encode_case(case: Case) -> dict[str, object]:
    state = State(DEPTH)
    for index, account in case.accounts.items():
        state = state.with_account(index, account)
    batch: Batch = seal_batch(
        Shape(slots=case.slots, depth=DEPTH),
        deposits=list(case.deposits),
        forced_exits=list(case.forced_exits),
        transfers=list(case.transfers),
        fee_account=AccountIndex(case.fee_account),
    )
    after, result = apply_batch(state, batch, DOMAIN)
    wanted = case.outcomes + (O.EMPTY,) * (case.slots - len(case.outcomes))
    found = (result.outcomes, result.exits, result.fees, result.burnt)
    assert found == (wanted, case.exits, case.fees, case.burnt), f"{case.name}: {found}"
    return {
        "name": case.name,
        "slots": encode_number(case.slots),
        "depth": encode_number(DEPTH),
        "domain": encode_number(DOMAIN),
        "deposits": encode_number(batch.header.deposits),
        "forced": encode_number(batch.header.forced),
        "fee_account": encode_number(batch.header.fee_account),
        "data": "0x" + batch.data.hex(),
        "accounts": encode_accounts(state),
        "old_root": encode_number(state.root),
        "outcomes": [int(outcome) for outcome in result.outcomes],
        "fees": encode_number(result.fees),
        "burnt": encode_number(result.burnt),
        "exits": [encode_exit(leaving) for leaving in result.exits],
        "accounts_after": encode_accounts(after),
        "new_root": encode_number(after.root),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    cases = [*transfer_cases.all_cases(), *exit_cases.all_cases()]
    vectors = {
        "encoding": "numbers are 32-byte big-endian hex words, data the posted bytes in hex, outcomes plain numbers",
        "cases": [encode_case(case) for case in cases],
    }
    (folder / "transition.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
