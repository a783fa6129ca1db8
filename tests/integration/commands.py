"""`poe` as its users run it: a process of its own, or the same command in this process where a test runs many."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import warnings
from typing import Protocol

from poe.cli.app import app, exit_code_of, expected_error

Done = subprocess.CompletedProcess[str]


class Run(Protocol):
    """Runs `poe ARGUMENTS`."""

    def __call__(self, *arguments: str) -> Done: ...


def run_poe(*arguments: str) -> Done:
    """In a process of its own."""
    return subprocess.run([sys.executable, "-m", "poe", *arguments], capture_output=True, text=True, timeout=120)


def run_here(*arguments: str) -> Done:
    """In this thread, which must not be one that trio runs in; whatever the process prints meanwhile is caught."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Cyclopts application invoked without tokens")
        try:
            app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
        except BaseException as error:
            expected = expected_error(error)
            if expected is None:
                raise
            code = exit_code_of(expected)
            print(f"poe: {expected}", file=sys.stderr)
    return subprocess.CompletedProcess(["poe", *arguments], code, out.getvalue(), err.getvalue())
