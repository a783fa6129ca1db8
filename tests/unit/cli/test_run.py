"""How a role runs: its logs, and a clean stop on a signal or at the end of stdin."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poe.cli.run import JsonFormatter, RunFlags, _with_reloaded
from poe.config import RELOADABLE, LogSettings, ProverSettings, Settings, changed_settings, setting_origins

ROLE = """
from pathlib import Path
import trio
from poe.cli.run import RunFlags, run_role

async def role(settings):
    print("up", settings.l1.rpc_url, flush=True)
    try:
        await trio.sleep_forever()
    finally:
        print("cleaned up", flush=True)

data_dir = Path({data_dir!r})
run_role(role, RunFlags(data_dir=data_dir, rpc_url="http://127.0.0.1:1", until_stdin_closes={until_stdin_closes}))
"""


def start_role(folder: Path, *, until_stdin_closes: bool = False) -> subprocess.Popen[str]:
    """A role that does nothing but clean up, once it is up."""
    script = ROLE.format(data_dir=str(folder / "deep" / "data"), until_stdin_closes=until_stdin_closes)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up http://127.0.0.1:1\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_role_clean_up_and_exits_0(tmp_path: Path, number: signal.Signals) -> None:
    with start_role(tmp_path) as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "cleaned up\n")


def test_the_end_of_stdin_stops_a_supervised_role(tmp_path: Path) -> None:
    with start_role(tmp_path, until_stdin_closes=True) as process:
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "cleaned up\n")


def test_the_end_of_stdin_means_nothing_to_others(tmp_path: Path) -> None:
    with start_role(tmp_path) as process:
        assert process.stdin is not None
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_the_data_folder_is_made(tmp_path: Path) -> None:
    with start_role(tmp_path) as process:
        assert (tmp_path / "deep" / "data").is_dir()
        process.send_signal(signal.SIGTERM)


RELOADED = """
import logging, trio
from functools import partial
from pathlib import Path
from poe.cli.run import RunFlags, run_role
from poe.config import Reloads

reloads = Reloads()

async def role(settings):
    reloads.subscribe(lambda new: print("took over", new.prover.max_failures, flush=True))
    print("up", flush=True)
    await trio.sleep_forever()

run_role(role, RunFlags(config=Path({config!r}), data_dir=Path({data_dir!r})), reloads)
"""


def test_a_hangup_reads_the_settings_again_and_bad_ones_change_nothing(tmp_path: Path) -> None:
    config = tmp_path / "poe.toml"

    def write(text: str) -> None:
        config.write_text("[net]\nenabled = false\n" + text)

    write("[prover]\nmax_failures = 1\n")
    process = subprocess.Popen(
        [sys.executable, "-c", RELOADED.format(config=str(config), data_dir=str(tmp_path / "data"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "up\n"
        write('[prover]\nmax_failures = 7\nthreads = 1\ntip_wei = 9\n[log]\nlevel = "debug"\n')
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "took over 7\n"
        assert process.stderr.readline().endswith("settings_need_restart names=prover.tip_wei\n")
        assert process.stderr.readline().endswith("settings_reloaded names=prover.max_failures,log.level\n")
        write("[prover]\nmax_failures = -1\n")
        process.send_signal(signal.SIGHUP)
        assert "settings_not_reloaded reason='POE-CFG-003: prover.max_failures" in process.stderr.readline()
        write("[prover]\nmax_failures = 8\n")
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "took over 8\n", "it still runs, and listens"
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_what_needs_a_restart_is_named_at_every_reload_until_then() -> None:
    before = Settings()
    after = Settings(prover=ProverSettings(tip_wei=5, max_failures=9), log=LogSettings(level="debug"))
    assert changed_settings(before, after) == ["prover.max_failures", "prover.tip_wei", "log.level"]
    in_force = _with_reloaded(before, after)
    assert changed_settings(in_force, after) == ["prover.tip_wei"]


def test_all_that_is_reloadable_is_a_setting() -> None:
    assert set(RELOADABLE) <= set(setting_origins(None, environment={}))


INTERRUPTED_WHILE_IMPORTING = """
import importlib.abc, os, runpy, signal, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["poe", "tx", "withdraw", "--l1-key", "/nowhere"]
runpy.run_module("poe", run_name="__main__")
"""


@pytest.mark.parametrize("name", ["poe.cli", "cyclopts", "poe.cli.app", "poe.cli.tx", "trio"])
def test_an_interrupt_among_the_imports_prints_nothing(name: str) -> None:
    """A command imports for longer than somebody takes who has mistyped it."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_IMPORTING.format(name=name)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_only_flags_that_were_given_override() -> None:
    assert set(RunFlags().overrides.values()) == {None}
    given = RunFlags(data_dir=Path("here"), rpc_url="http://x", arbiter="0x1").overrides
    assert given == {"data_dir": "here", "l1.rpc_url": "http://x", "l1.arbiter": "0x1"}


def record(message: str, *args: object) -> logging.LogRecord:
    made = logging.LogRecord("poe.prover", logging.WARNING, "file.py", 1, message, args, None)
    made.created, made.msecs = 1_700_000_000.25, 250.0
    return made


def test_a_json_log_line_is_one_object_with_time_level_and_event() -> None:
    line = JsonFormatter().format(record("batch_heard number=%d", 7))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "poe.prover",
        "event": "batch_heard number=7",
    }


def test_a_newline_in_an_event_does_not_break_a_json_log_line() -> None:
    line = JsonFormatter().format(record("told %s", 'a\n{"level": "error"}'))
    assert "\n" not in line
    assert json.loads(line)["event"] == 'told a\n{"level": "error"}'


def test_a_traceback_goes_into_its_json_log_line() -> None:
    made = record("boom")
    try:
        raise ZeroDivisionError("why")
    except ZeroDivisionError:
        made.exc_info = sys.exc_info()
    line = JsonFormatter().format(made)
    assert "\n" not in line
    assert "ZeroDivisionError: why" in json.loads(line)["traceback"]
