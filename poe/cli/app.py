"""The `poe` command: groups, and the one place where an expected failure becomes a line and an exit code.

Exit codes: 0 done · 1 failed · 2 wrong usage · 69 an endpoint is unavailable · 78 configuration · 130 interrupted.
"""

from __future__ import annotations

import sys

from cyclopts import App

import poe
from poe.errors import ConfigError, L1Unreachable, PoeError, ToolError

EXIT_FAILED = 1
EXIT_UNAVAILABLE = 69
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130

app = App(
    name="poe",
    help="A prover marketplace for a ZK rollup: provers race, the first valid proof is paid.",
    version=poe.__version__,
)
for _name, _help in (
    ("testnet", "A whole network of processes on this machine."),
    ("sequencer", "Order L2 transactions into batches and post them."),
    ("prover", "Race to prove batches."),
    ("observer", "Watch the race from L1 alone."),
    ("tx", "Deposit, transfer, exit; past a sequencer if need be."),
    ("arbiter", "Deploy the contract and look at it."),
    ("circuit", "Circuits and their proving keys."),
    ("key", "L1 and L2 keys on disk."),
    ("config", "Settings."),
):
    app.command(f"poe.cli.{_name}:app", name=_name, help=_help)


def exit_code_of(error: PoeError) -> int:
    """The documented exit code of an expected failure."""
    if isinstance(error, ConfigError):
        return EXIT_CONFIG
    if isinstance(error, L1Unreachable | ToolError):
        return EXIT_UNAVAILABLE
    return EXIT_FAILED


def expected_error(error: BaseException) -> PoeError | None:
    """The PoeError inside an exception or a group that holds nothing worse; None for a bug."""
    if isinstance(error, PoeError):
        return error
    if isinstance(error, BaseExceptionGroup):
        inner = [expected_error(one) for one in error.exceptions]
        return inner[0] if all(one is not None for one in inner) else None
    return None


def was_interrupted(error: BaseException) -> bool:
    """Is this Ctrl+C and nothing else?"""
    if isinstance(error, BaseExceptionGroup):
        return all(was_interrupted(one) for one in error.exceptions)
    return isinstance(error, KeyboardInterrupt)


def main() -> None:
    """Entry point of the `poe` command."""
    try:
        app()
    except BaseException as error:
        expected = expected_error(error)
        if expected is not None:
            print(f"poe: {expected}", file=sys.stderr)
            sys.exit(exit_code_of(expected))
        if was_interrupted(error):
            sys.exit(EXIT_INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
