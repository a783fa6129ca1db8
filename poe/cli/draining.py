"""`poe prover drain`: let a prover finish what it races for, and wait until it has ended."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path

from poe.cli.bounds import require_between
from poe.cli.role_status import read_role_status

POLL_SECONDS = 0.2
MOST_SECONDS = 86_400.0
TOTALS = ("won", "late", "cancelled", "failed")


def drain(*, data_dir: Path = Path("poe-data"), timeout_seconds: float = 900.0, json: bool = False) -> None:
    """Have a running prover finish its races, begin no other, and end; return once it has.

    Parameters
    ----------
    data_dir
        The node's data folder.
    timeout_seconds
        How long to wait; the node goes on draining after that.
    json
        Print JSON.
    """
    from poe.cli.machine import is_held
    from poe.errors import InputError
    from poe.prover.drain import request

    require_between("timeout-seconds", timeout_seconds, 0, MOST_SECONDS)
    read_role_status(data_dir, "prover")
    if not is_held(data_dir):
        raise InputError(f"no prover runs on {data_dir}", fix="there is nothing to drain", code="POE-INP-090")
    started = time.monotonic()
    request(data_dir)
    while is_held(data_dir):
        if time.monotonic() - started > timeout_seconds:
            raise InputError(
                f"the prover on {data_dir} still drains after {timeout_seconds:g} s",
                fix="ask again with a longer --timeout-seconds, or stop it by SIGTERM: its proofs are kept",
                code="POE-INP-091",
            )
        time.sleep(POLL_SECONDS)
    status = read_role_status(data_dir, "prover")
    facts = {"drained": True, "seconds": round(time.monotonic() - started, 3)} | {one: status[one] for one in TOTALS}
    told = ", ".join(f"{status[one]} {one}" for one in TOTALS)
    print(json_module.dumps(facts) if json else f"drained: {told}")
