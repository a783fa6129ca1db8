"""A real Prometheus that scrapes a testnet every second and evaluates this repository's rules, as a process."""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.launching import wait_until

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "dashboards" / "rules.yml"
WINDOW = "2m"
"""What `$__rate_interval` stands for: a whole run, however slow the machine."""
SETTINGS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: poe
    file_sd_configs:
      - files: ["{targets}"]
        refresh_interval: 1s
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Its HTTP API."""

    url: str

    def get(self, path: str, **query: str) -> Any:
        """The `data` of an answer; an assertion with Prometheus's own words when it refuses."""
        encoded = "?" + urllib.parse.urlencode(query) if query else ""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}{encoded}", timeout=10) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{query or path}: {json.load(refused)['error']}") from None
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expr: str) -> list[float]:
        """The values an expression has now, on a panel with all provers chosen; without those that are not numbers."""
        filled = expr.replace("$__rate_interval", WINDOW).replace("$name", "prover-.+")
        values = [float(sample["value"][1]) for sample in self.get("query", query=filled)["result"]]
        return [value for value in values if not math.isnan(value)]

    def names(self) -> set[str]:
        """Every series name it holds."""
        return set(self.get("label/__name__/values"))

    def is_ready(self) -> bool:
        """Does it answer queries yet?"""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as reply:
                return int(reply.status) == 200
        except OSError:
            return False


@contextmanager
def run_prometheus(folder: Path, targets: Path) -> Iterator[Prometheus]:
    """Prometheus on a free loopback port; its data and log in `folder`."""
    if shutil.which("prometheus") is None:
        pytest.fail("prometheus is missing: scripts/setup-tools installs it (Debian: apt install prometheus)")
    settings = folder / "prometheus.yml"
    settings.write_text(SETTINGS.format(rules=RULES, targets=targets))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", f"--config.file={settings}", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--storage.tsdb.path={folder / 'tsdb'}"], stdout=log, stderr=log)
    try:
        prometheus = Prometheus(f"http://{address}")
        wait_until(prometheus.is_ready, 30, "Prometheus")
        yield prometheus
    finally:
        process.terminate()
        process.wait(timeout=20)


def samples_of(url: str) -> dict[str, float]:
    """A role's scrape: value by series, as they are written."""
    with urllib.request.urlopen(url, timeout=5) as reply:
        lines = reply.read().decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {series: float(value) for series, value in pairs}


def check_metrics(url: str) -> str:
    """What `promtool check metrics` has against a role's scrape; empty if nothing."""
    with urllib.request.urlopen(url, timeout=5) as reply:
        body = reply.read()
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False, timeout=30)
    return (done.stdout + done.stderr).decode() if done.returncode else ""


def metrics_in(expr: str) -> set[str]:
    """The names of metrics in an expression, those of recorded series with their colons."""
    bare = re.sub(r'"[^"]*"', "", re.sub(r"(by|on) \([^)]*\)", "", expr))
    return set(re.findall(r"(?:\w+:)*(?:poe|process|up)\w*(?::\w+)*", bare)) - {"poe"}
