"""The status file: replaced whole, read back, absent until written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from poe.status import read_endpoints, read_status, write_endpoints, write_status


def test_a_status_is_read_back(tmp_path: Path) -> None:
    write_status(tmp_path, {"role": "prover", "height": 3, "root": hex(2**250), "races": [{"batch": 1}]})
    assert read_status(tmp_path) == {"role": "prover", "height": 3, "root": hex(2**250), "races": [{"batch": 1}]}


def test_before_the_first_write_there_is_none(tmp_path: Path) -> None:
    assert read_status(tmp_path) is None
    assert read_status(tmp_path / "missing") is None


def test_a_later_status_replaces_the_earlier(tmp_path: Path) -> None:
    write_status(tmp_path, {"height": 1, "old": True})
    write_status(tmp_path, {"height": 2})
    assert read_status(tmp_path) == {"height": 2}
    assert os.listdir(tmp_path) == ["status.json"]


def test_a_write_that_breaks_off_leaves_the_earlier_status_whole_and_the_role_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_status(tmp_path, {"height": 1})

    def power_cut(*_: Any) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", power_cut)
    write_status(tmp_path, {"height": 2})
    assert "status_not_written reason='power cut'" in caplog.text
    assert read_status(tmp_path) == {"height": 1}


def test_the_file_is_the_same_for_the_same_status(tmp_path: Path) -> None:
    write_status(tmp_path, {"b": 1, "a": 2})
    first = (tmp_path / "status.json").read_bytes()
    write_status(tmp_path, {"a": 2, "b": 1})
    assert (tmp_path / "status.json").read_bytes() == first
    assert json.loads(first) == {"a": 2, "b": 1}


def test_endpoints_have_a_file_of_their_own(tmp_path: Path) -> None:
    assert read_endpoints(tmp_path) is None
    write_endpoints(tmp_path, {"metrics": "http://127.0.0.1:1/metrics"})
    write_status(tmp_path, {"height": 1})
    assert read_endpoints(tmp_path) == {"metrics": "http://127.0.0.1:1/metrics"}
