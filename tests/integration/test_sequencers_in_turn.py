"""Two sequencers as people run them: both take transactions, post in turns; one goes on when the other is killed."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.launching import finish, read_json, start, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WINDOW = 6
NAMES = ("sequencer", "sequencer-2")
POSTED = re.compile(r"batch_posted number=(\d+) block=(\d+)")


def posted(data_dir: Path, name: str) -> list[tuple[int, int]]:
    """Number and block of each batch that this sequencer has posted, by its log."""
    log = data_dir / name / "log"
    found = POSTED.findall(log.read_text()) if log.exists() else []
    return [(int(number), int(block)) for number, block in found]


def heights(data_dir: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_json(data_dir / name / "status.json").get("heights", {})
    return found


def seat_command(data_dir: Path, name: str) -> dict[str, Any]:
    """What `poe sequencer NAME` says of the first sequencer's seat."""
    config = str(data_dir / NAMES[0] / "poe.toml")
    command = [sys.executable, "-m", "poe", "sequencer", name, "--config", config]
    said: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    return said


def test_two_take_turns_and_one_goes_on_alone_when_the_other_is_killed(data_dir: Path) -> None:
    options = ("--sequencers", "2", "--provers", "1", "--window-blocks", str(WINDOW), "--block-seconds", "0.5")
    process = start(data_dir, *options, "--tps", "6")
    try:
        wait_until(lambda: all(len(posted(data_dir, name)) >= 3 for name in NAMES), 150, "posting by both")
        first, second = (posted(data_dir, name) for name in NAMES)
        assert not {number for number, _ in first} & {number for number, _ in second}
        pid = read_json(data_dir / "testnet.json")["pids"]["sequencer"]
        os.kill(pid, signal.SIGKILL)
        killed = max(block for name in NAMES for _, block in posted(data_dir, name))
        wait_until(lambda: posted(data_dir, NAMES[1])[-1][1] > killed + 4 * WINDOW, 60, "going on alone")
        alone = [killed, *(block for _, block in posted(data_dir, NAMES[1]) if block > killed)]
        waits = [later - earlier for earlier, later in itertools.pairwise(alone)]
        # Half a window of silence in the other's turn, counted from when a batch became final, and seconds to seal.
        assert max(waits) <= WINDOW + WINDOW // 2, alone
        assert {block // WINDOW % 2 for block in alone[1:]} == {0, 1}, "it never took over"
        end = heights(data_dir, NAMES[1])["sequenced"]
        wait_until(lambda: read_json(data_dir / "observer" / "status.json").get("finalized", 0) >= end, 60, "finality")
        assert read_json(data_dir / NAMES[1] / "status.json")["agrees_with_l1"]
        assert read_json(data_dir / "prover-1" / "status.json")["agrees_with_l1"]
        seat = seat_command(data_dir, "seat")
        assert (seat["seat"], len(seat["sequencers"]), seat["bond_wei"]) == (0, 2, seat["full_bond_wei"])
        seat = seat_command(data_dir, "leave")  # its node is dead: the journal is free
        assert (seat["seat"], len(seat["sequencers"]), seat["may_post"]) == (None, 1, False)
    finally:
        os.kill(process.pid, signal.SIGINT)
        finish(process, data_dir, seconds=60)
