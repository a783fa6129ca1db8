"""A local development chain: finds anvil, runs it on a loopback port, and moves it about."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

import trio

from poe.errors import L1Error, ToolError
from poe.l1.rpc import Rpc
from poe.rollup.types import Address, Wei

DEVELOPMENT_CHAIN_ID = 31337
"""anvil's own chain id."""

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_INSTALL = "run scripts/contracts install, or set POE_ANVIL to an anvil 1.x"
_VERSION = re.compile(r"anvil Version: (\d+)\.(\d+)")


def find_anvil(environment: Mapping[str, str] | None = None) -> Path:
    """The anvil to run: $POE_ANVIL, PATH, the repository's node_modules, the tool cache. ToolError if none."""
    variables = os.environ if environment is None else environment
    named = variables.get("POE_ANVIL")
    if named:
        if not os.access(named, os.X_OK):
            raise ToolError(f"POE_ANVIL names {named}, which is not a program", fix=_INSTALL)
        return Path(named)
    for found in _candidates(variables):
        if os.access(found, os.X_OK):
            return found
    raise ToolError("anvil is not installed", fix=_INSTALL)


def _candidates(variables: Mapping[str, str]) -> Iterator[Path]:
    on_path = shutil.which("anvil", path=variables.get("PATH"))
    if on_path:
        yield Path(on_path)
    repository = Path(__file__).parents[2]
    cache = Path(variables.get("XDG_CACHE_HOME") or Path(variables.get("HOME", "/")) / ".cache")
    for folder in (repository / "contracts", cache / "poe" / "tools"):
        yield from sorted(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))


class Anvil:
    """A running anvil: `async with Anvil() as anvil`, then `anvil.url` and `anvil.rpc`.

    Without `block_seconds` every transaction is mined at once; with it, a block comes at that interval; `is_mining`
    False makes none but by `mine`. `state_file` keeps the chain across runs. `fork_of`: the URL of another chain and
    the block after which this one goes its own way.
    """

    def __init__(
        self,
        *,
        block_seconds: float | None = 1.0,
        is_mining: bool = True,
        port: int | None = None,
        state_file: Path | None = None,
        log_file: Path | None = None,
        chain_id: int = DEVELOPMENT_CHAIN_ID,
        program: Path | None = None,
        fork_of: tuple[str, int] | None = None,
    ) -> None:
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.rpc = Rpc(self.url)
        self._program = program
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(chain_id)]
        self._arguments += ["--hardfork", "osaka", "--accounts", "1"]
        if not is_mining:
            self._arguments.append("--no-mining")
        elif block_seconds is not None:
            self._arguments += ["--block-time", f"{block_seconds:g}"]
        if fork_of is not None:
            self._arguments += [
                "--fork-url",
                fork_of[0],
                "--fork-block-number",
                str(fork_of[1]),
                "--no-storage-caching",
            ]
        if state_file is not None:
            self._arguments += ["--state", str(state_file), "--state-interval", "1"]

    async def __aenter__(self) -> Anvil:
        program = self._program or find_anvil()
        await _require_version(program)
        _require_free(self.port)
        self._start(program)
        try:
            await self._wait_until_up()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def chain_id(self) -> int:
        """The chain's id."""
        return await self.rpc.chain_id()

    async def set_balance(self, account: Address, balance: Wei) -> None:
        """Give an account exactly this much ETH."""
        await self.rpc.call("anvil_setBalance", "0x" + account.hex(), hex(balance))

    async def mine(self, blocks: int = 1) -> None:
        """Make blocks now."""
        await self.rpc.call("anvil_mine", hex(blocks))

    async def reorg(self, depth: int) -> None:
        """Replace the last `depth` blocks by empty ones; their transactions are gone for good."""
        await self.rpc.call("anvil_reorg", depth, [])

    async def set_next_base_fee(self, wei: int) -> None:
        """The base fee of the next block."""
        await self.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(wei))

    async def drop_transactions(self) -> None:
        """Forget every transaction that is not mined."""
        await self.rpc.call("anvil_dropAllTransactions")

    async def set_automine(self, is_on: bool) -> None:
        """Mine each transaction at once, or none."""
        await self.rpc.call("evm_setAutomine", is_on)

    async def snapshot(self) -> str:
        """Remember the chain; `revert` goes back to it."""
        return str(await self.rpc.call("evm_snapshot"))

    async def revert(self, snapshot: str) -> None:
        """Go back: later blocks never were."""
        await self.rpc.call("evm_revert", snapshot)

    def _start(self, program: Path) -> None:
        """Start it in this very thread: the kernel ends it with the thread that did."""
        with open(self._log_file or os.devnull, "ab") as output:
            self._process = subprocess.Popen(
                [*_ends_with_us(), str(program), *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _wait_until_up(self) -> None:
        with trio.move_on_after(_START_SECONDS):
            while self._process is not None and self._process.poll() is None:
                try:
                    await self.chain_id()
                except L1Error:
                    await trio.sleep(0.05)
                else:
                    return
        status = self._process.poll() if self._process else None
        happened = f"did not answer in {_START_SECONDS:g} s" if status is None else f"ended with status {status}"
        raise ToolError(f"anvil on port {self.port} {happened}", fix="is the port taken?")

    async def _stop(self) -> None:
        self.rpc.close()
        process, self._process = self._process, None
        if process is None:
            return
        with trio.CancelScope(shield=True):
            process.terminate()
            try:
                await trio.to_thread.run_sync(partial(process.wait, timeout=_STOP_SECONDS))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ends_with_us() -> list[str]:
    """A prefix for a command that must not outlive us, not even a kill -9; empty without util-linux."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


async def _require_version(program: Path) -> None:
    try:
        with trio.fail_after(_START_SECONDS):
            answer = await trio.run_process([str(program), "--version"], capture_stdout=True, check=False)
    except (OSError, trio.TooSlowError):
        raise ToolError(f"{program} does not run", fix=_INSTALL) from None
    match = _VERSION.search(answer.stdout.decode(errors="replace"))
    if match is None or match.group(1) != "1":
        raise ToolError(f"{program} is not anvil 1.x", fix=_INSTALL)


def _require_free(port: int) -> None:
    """ToolError if somebody listens already: their answers would pass for our anvil's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ToolError(f"port {port} is taken", fix="choose another port, or leave it out") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
