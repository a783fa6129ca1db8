"""`poe prover drain` on a real prover with two workers: it lands what it began, begins nothing else, and ends well."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import trio

from poe.prover import drain
from tests.integration.commands import run_here
from tests.integration.crash.lives import Node
from tests.integration.market import Market, account, dev_key, open_market

pytestmark = pytest.mark.integration

BATCHES = 6


async def finalized(market: Market) -> int:
    return await market.clients["rival"].finalized_number()


async def test_two_workers_prove_side_by_side_and_drain_to_a_good_end(tmp_path: Path) -> None:
    key = dev_key()
    async with open_market(key) as market:
        node = Node.of(market, "prover", tmp_path / "prover", key_cache=str(key.path.parent), workers=2)
        await market.post_deposits()
        for _ in range(BATCHES - 1):
            await market.post_transfers()
        try:
            node.start()
            with trio.fail_after(120):
                while await finalized(market) < BATCHES:  # noqa: ASYNC110 (on L1)
                    await trio.sleep(0.05)
            drained = await trio.to_thread.run_sync(
                partial(run_here, "prover", "drain", "--data-dir", str(node.data), "--json")
            )
            assert drained.returncode == 0, drained.stderr
            assert json.loads(drained.stdout)["won"] == BATCHES
            assert node.process is not None
            assert node.process.wait(10) == 0, node.output
        finally:
            node.kill()
        assert node.status["draining"]
        assert node.output.count("prover_ready") == 2, "each worker has loaded the key"
        earned = await market.clients["rival"]._views.view("creditOf", account("prover").address)
        assert earned == BATCHES * market.parameters.reward
        await market.post_transfers()
        again = await trio.to_thread.run_sync(partial(run_here, "prover", "drain", "--data-dir", str(node.data)))
        assert (again.returncode, again.stderr.split()[1]) == (1, "POE-INP-090:")


async def test_a_folder_that_is_no_provers_cannot_be_drained(tmp_path: Path) -> None:
    done = await trio.to_thread.run_sync(partial(run_here, "prover", "drain", "--data-dir", str(tmp_path)))
    assert (done.returncode, done.stderr.split()[1]) == (1, "POE-INP-043:")
    assert not drain.is_requested(tmp_path), "nothing is asked of whoever it belongs to"
