"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.launching import is_running, read_json


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    data_dir = tmp_path / "net"
    yield data_dir
    for pid in read_json(data_dir / "testnet.json").get("pids", {}).values():
        assert not is_running(pid), f"process {pid} outlived its testnet"
