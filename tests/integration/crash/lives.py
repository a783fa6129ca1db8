"""A node that lives many short lives on one data folder, and what L1 and its own notes say of it afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from poe.config import L1Settings, NetSettings, ProverSettings, SequencerSettings, Settings, dump_settings
from poe.errors import JournalError
from poe.journal import FILE, peek
from poe.l1.abi import decode_exactly, load_artifact
from poe.l1.keys import write_secret
from poe.prover.shelf import KIND
from tests.integration.launching import read_json
from tests.integration.market import Market, account, key_of

ROOT = Path(__file__).resolve().parents[3]
BACK_AT_WORK_SECONDS = 10.0
DEATH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Death:
    """Where a life ends: at a write of the journal, before or after its commit. Write 0 never comes."""

    write: int
    when: str


LONG_LIFE = Death(0, "before")


@dataclass(kw_only=True)
class Node:
    """A prover or sequencer as `poe` runs it."""

    role: str
    folder: Path
    anvil_url: str
    chain_id: int
    arbiter: str
    key_cache: str
    workers: int = 1
    process: subprocess.Popen[bytes] | None = None
    awake_seconds: list[float] = field(default_factory=list)
    """From each start to the first status, or to the death before it."""
    _started_at: float = 0.0

    @classmethod
    def of(cls, market: Market, role: str, folder: Path, *, key_cache: str, workers: int = 1) -> Node:
        """The market's own `prover` or `sequencer`, whose folder is made here."""
        folder.mkdir()
        write_secret(folder / "key", key_of(role))
        node = cls(
            role=role,
            folder=folder,
            anvil_url=market.anvil.url,
            chain_id=market.parameters.chain_id,
            arbiter="0x" + market.parameters.address.hex(),
            key_cache=key_cache,
            workers=workers,
        )
        (folder / "poe.toml").write_text(dump_settings(node.settings()))
        return node

    def settings(self) -> Settings:
        return Settings(
            data_dir=str(self.data),
            l1=L1Settings(
                rpc_url=self.anvil_url,
                chain_id=self.chain_id,
                arbiter=self.arbiter,
                key_file=str(self.folder / "key"),
                poll_seconds=0.05,
            ),
            net=NetSettings(enabled=self.role == "sequencer"),
            sequencer=SequencerSettings(seal_seconds=0.3, max_unproven_batches=100_000),
            prover=ProverSettings(
                start_jitter_seconds=0.0,
                strategy="oldest",
                tables="small",
                key_cache=self.key_cache,
                max_failures=0,
                workers=self.workers,
            ),
        )

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.data / "status.json")
        return found

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-4000:]

    def start(self, death: Death = LONG_LIFE) -> None:
        """Begin a life."""
        for name in ("status.json", "endpoints.json"):
            (self.data / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.integration.crash.dying", str(death.write), death.when]
        command += [str(self.folder / "notes"), "--", self.role, "run", "--config", str(self.folder / "poe.toml")]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
        self._started_at = time.monotonic()

    @property
    def is_dead(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    async def wake(self) -> None:
        """Return at the first status, or the death before it: either way it had gone to work."""
        with trio.fail_after(DEATH_SECONDS):
            while not (self.is_dead or "finalized" in self.status):  # noqa: ASYNC110 (another process)
                await trio.sleep(0.02)
        self.awake_seconds.append(time.monotonic() - self._started_at)

    async def die(self) -> None:
        """Return once it has killed itself; anything else that ends it is a failure."""
        with trio.move_on_after(DEATH_SECONDS) as scope:
            while not self.is_dead:  # noqa: ASYNC110 (another process)
                await trio.sleep(0.02)
        assert not scope.cancelled_caught, f"it lives on: {self.output}"
        assert self.process is not None
        assert self.process.returncode == -signal.SIGKILL, self.output

    def kill(self) -> None:
        """kill -9, if it is not dead yet."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def notes(self, name: str) -> list[dict[str, Any]]:
        """What was signed that has this field, in order; a line that death tore is none."""
        path = self.folder / "notes"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [found for found in map(json.loads, lines) if name in found]

    def require_quick_starts(self) -> None:
        """The machine may be busy with other things: the fastest quarter of the starts counts."""
        seconds = sorted(self.awake_seconds)
        assert seconds[len(seconds) // 4] < BACK_AT_WORK_SECONDS, seconds

    def back_up(self, to: Path) -> None:
        """Copy the data folder of a dead node."""
        assert self.is_dead
        shutil.copytree(self.data, to)

    def restore(self, source: Path) -> None:
        """Put a copy in the folder's place."""
        assert self.is_dead
        shutil.rmtree(self.data)
        shutil.copytree(source, self.data)


def finished_proofs(node: Node) -> dict[bytes, bytes]:
    """The proofs on a node's shelf, by name."""
    try:
        return dict(peek(node.data, KIND)) if (node.data / FILE).exists() else {}
    except JournalError:  # killed before it had made its table
        return {}


async def transactions_of(market: Market, role: str) -> list[dict[str, Any]]:
    """What an account has sent and L1 has mined: the call's name and arguments, and whether it succeeded."""
    artifact, sender = load_artifact("Arbiter"), "0x" + account(role).address.hex()
    calls = {call.selector: call for call in artifact.functions.values()}
    found = []
    head = int(str(await market.anvil.rpc.call("eth_blockNumber")), 16)
    for number in range(market.parameters.deployed_at_block + 1, head + 1):
        block: Any = await market.anvil.rpc.call("eth_getBlockByNumber", hex(number), True)
        for sent in block["transactions"]:
            data = bytes.fromhex(sent["input"][2:])
            if sent["from"].lower() != sender or sent["to"] is None:
                continue
            receipt: Any = await market.anvil.rpc.call("eth_getTransactionReceipt", sent["hash"])
            call = calls.get(data[:4])
            arguments = () if call is None else decode_exactly(call.inputs, data[4:])
            name = "payment" if call is None else call.name
            found.append({"name": name, "arguments": arguments, "succeeded": receipt["status"] == "0x1"})
    return found


def cut_log(node: Node, size_bytes: int) -> None:
    """The end of SQLite's log is torn off."""
    path = node.data / f"{FILE}-wal"
    if path.exists():
        os.truncate(path, max(0, path.stat().st_size - size_bytes))
