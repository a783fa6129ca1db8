"""What may not be in a public repository: a developer's paths, foreign registries, licences we cannot ship, secrets."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURSELVES = "tests/repo/test_tracked_files.py"
LARGEST_BYTES = 1 << 20

MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:work|root|Users|home(?!/someone\b))/[\w.]")
GPL = re.compile(r"GNU (?:LESSER |AFFERO )?GENERAL PUBLIC LICENSE|SPDX-License-Identifier:\s*[AL]?GPL", re.IGNORECASE)
PEM_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
INDEX_OPTIONS = re.compile(r"--(?:extra-)?index-url|registry\s*=\s*http|\[source\.")


@pytest.fixture(scope="module")
def tracked() -> dict[str, str]:
    """Text of every tracked text file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name: text for name in listed.split("\0") if name for text in text_of(ROOT / name)}


def text_of(path: Path) -> Iterator[str]:
    """The file's text; nothing when it is binary, or deleted in the working tree."""
    try:
        yield path.read_text()
    except (UnicodeDecodeError, FileNotFoundError):
        return


def lines_with(pattern: re.Pattern[str], tracked: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked.items()
        if name != OURSELVES
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_development_machine(tracked: dict[str, str]) -> None:
    assert lines_with(MACHINE_PATHS, tracked) == []


def test_the_pattern_of_machine_paths_finds_them_and_spares_urls() -> None:
    for guilty in ("/home/ada/poe", 'path = "/Users/ada/x"', "cd /root/x", "(/work/x)"):
        assert MACHINE_PATHS.search(guilty), guilty
    for innocent in ("/home/someone/.cache", "https://example.org/work/x", "net/root/x", "~/root/x"):
        assert not MACHINE_PATHS.search(innocent), innocent


def test_no_gpl_text_is_in_the_product(tracked: dict[str, str]) -> None:
    assert lines_with(GPL, tracked) == []


def test_no_private_key_is_committed(tracked: dict[str, str]) -> None:
    assert lines_with(PEM_KEY, tracked) == []


def test_no_file_chooses_a_package_registry(tracked: dict[str, str]) -> None:
    assert lines_with(INDEX_OPTIONS, tracked) == []


def test_lock_files_name_only_the_public_registries(tracked: dict[str, str]) -> None:
    npm = {name: json.loads(text) for name, text in tracked.items() if name.endswith("package-lock.json")}
    resolved = {
        package.get("resolved", "https://registry.npmjs.org/")
        for lock in npm.values()
        for package in lock["packages"].values()
    }
    assert npm
    assert {url for url in resolved if not url.startswith("https://registry.npmjs.org/")} == set()
    sources = set(re.findall(r'^source = "(.*)"$', tracked["Cargo.lock"], re.MULTILINE))
    assert sources == {"registry+https://github.com/rust-lang/crates.io-index"}


def test_no_file_is_huge(tracked: dict[str, str]) -> None:
    assert {name: len(text) for name, text in tracked.items() if len(text) > LARGEST_BYTES} == {}


def test_the_licence_is_there(tracked: dict[str, str]) -> None:
    assert "Apache License" in tracked["LICENSE"]


def test_the_first_level_is_readable_at_a_glance(tracked: dict[str, str]) -> None:
    entries = {name.split("/")[0] for name in tracked}
    assert len([entry for entry in entries if not entry.startswith(".")]) <= 17
