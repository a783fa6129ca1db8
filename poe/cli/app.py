"""The `poe` command: groups, and the one place where an expected failure becomes a line and an exit code.

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 warnings only (`poe doctor`) · 69 an endpoint is unavailable ·
78 configuration · 130 interrupted.
"""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError

import poe
from poe.errors import ConfigError, JournalError, L1Unreachable, PoeError, ToolError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130

app = App(
    name="poe",
    help="A prover marketplace for a ZK rollup: provers race, the first valid proof is paid.",
    version=poe.__version__,
)
for _name, _help in (
    ("init", "Write a node's settings file, and make or import its key."),
    ("testnet", "A whole network of processes on this machine."),
    ("sequencer", "Order L2 transactions into batches and post them."),
    ("prover", "Race to prove batches."),
    ("observer", "Watch the race from L1 alone."),
    ("market", "Who wins and what it brings, from L1 alone."),
    ("watch", "Watch the race in this terminal."),
    ("batch", "One batch: what is in it, who proved it, does that proof hold?"),
    ("tx", "Deposit, transfer, exit; past a sequencer if need be."),
    ("arbiter", "Deploy the contract, look at it, end it."),
    ("circuit", "Circuits and their proving keys."),
    ("bench", "How fast this machine is."),
    ("key", "L1 and L2 keys on disk."),
    ("config", "Settings."),
    ("doctor", "Is everything there that a node needs?"),
    ("debug", "Help others to help."),
    ("explain", "What an error code means."),
):
    app.command(f"poe.cli.{_name}:app", name=_name, help=_help)
app.register_install_completion_command(help="Let the shell complete commands and options.")


def exit_code_of(error: PoeError) -> int:
    """The documented exit code of an expected failure."""
    if isinstance(error, ConfigError):
        return EXIT_CONFIG
    if isinstance(error, L1Unreachable | ToolError | JournalError):
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


def usage_line(error: CycloptsError) -> str:
    """A wrong command line as one line with a code and a way out."""
    what = " ".join(str(error).split()).rstrip(".")
    command = " ".join(("poe", *(error.command_chain or ())))
    return f"poe: POE-INP-002: {what} (`{command} --help` says what there is)"


def main() -> None:
    """Entry point of the `poe` command."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        print(usage_line(error), file=sys.stderr)
        sys.exit(EXIT_USAGE)
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
