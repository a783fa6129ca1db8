"""`poe debug bundle`: useful, and without any of the secrets planted all over a node's folder."""

from __future__ import annotations

import gzip
import json
import stat
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.cli.debug import bundle, collect
from poe.cli.redact import public_url, redact
from poe.errors import InputError
from poe.journal import Journal
from poe.l1.keys import create_key
from poe.status import write_endpoints, write_status

PASSWORD = "correct-horse-battery"
RPC_PASSWORD = "rpc-hunter2"
RPC_TOKEN = "v3-0123456789abcdefghij"
TOKEN = "tok-93847"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, set[str]]:
    """A node's data folder and settings, with every kind of secret in every kind of place; and the secrets."""
    data = tmp_path / "data"
    data.mkdir()
    key = create_key(data / "key").hex()
    identity = create_key(data / "identity").hex()
    keystore_key = create_key(tmp_path / "keystore", PASSWORD).hex()
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "password").chmod(0o600)
    config = tmp_path / "poe.toml"
    config.write_text(
        f'[l1]\nrpc_url = "https://me:{RPC_PASSWORD}@l1.example:8545/{RPC_TOKEN}?key={TOKEN}"\n'
        f'key_file = "{tmp_path / "keystore"}"\npassword_file = "{tmp_path / "password"}"\n'
        f'[prover]\nexternal_command = ["prove", "--api", "{TOKEN}", "{{zkey}} {{wtns}} {{proof}} {{public}}"]\n'
    )
    write_status(data, {"role": "prover", "height": 7, "last_error": f"at https://me:{RPC_PASSWORD}@l1.example/"})
    write_endpoints(data, {"metrics": "http://127.0.0.1:9380/metrics"})
    (data / "prover.log").write_text(
        f"started\nkey={key}\nidentity 0x{identity} {keystore_key.upper()}\nopened with {PASSWORD}\n"
        f'post https://l1.example:8545/{RPC_TOKEN} failed\n{{"password": "{TOKEN}"}} api_key={TOKEN} Bearer {TOKEN}\n'
        "race_ended batch=7 outcome=won\n"
    )
    with Journal.open(data, identity=b"prover") as journal:
        journal.put("proof", b"1", key.encode())
    monkeypatch.setenv("POE_UNRELATED", TOKEN)
    return data, config, {key, identity, keystore_key, PASSWORD, RPC_PASSWORD, RPC_TOKEN, TOKEN}


def test_no_planted_secret_is_anywhere_in_the_bundle(planted: tuple[Path, Path, set[str]], tmp_path: Path) -> None:
    data, config, secrets = planted
    out = tmp_path / "bundle.tar.gz"
    bundle(data_dir=data, out=out, config=config)
    content = gzip.decompress(out.read_bytes()).lower()
    assert b"outcome=won" in content
    assert {secret for secret in secrets if secret.lower().encode() in content} == set()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_secrets_are_there_before_they_are_struck_out(planted: tuple[Path, Path, set[str]]) -> None:
    """The test above must not pass because nothing was planted."""
    data, config, secrets = planted
    text = "".join(path.read_text() for path in (config, *data.glob("*.log"), data / "status.json")).lower()
    assert {secret for secret in secrets if secret.lower() not in text} == set()


def test_a_bundle_holds_what_helps(planted: tuple[Path, Path, set[str]], tmp_path: Path) -> None:
    data, config, _ = planted
    out = tmp_path / "bundle.tar.gz"
    bundle(data_dir=data, out=out, config=config)
    with tarfile.open(out) as tar:
        files = {
            name.removeprefix("poe-bundle/"): tar.extractfile(name).read().decode()  # type: ignore[union-attr]
            for name in tar.getnames()
        }
    told = {"endpoints.json", "files.json", "journal.json", "settings.toml", "status.json", "versions.json"}
    assert set(files) == told | {"logs/prover.log"}
    assert json.loads(files["status.json"])["height"] == 7
    assert json.loads(files["journal.json"]) == {"records": {"proof": 1}}
    versions = json.loads(files["versions.json"])
    assert versions["packages"]["trio"]
    assert "POE_UNRELATED" in versions["variables_set"]
    assert 'rpc_url = "https://l1.example:8545/…"' in files["settings.toml"]
    assert {row["name"] for row in json.loads(files["files.json"])} >= {"key", "status.json", "journal.sqlite"}


def test_a_node_that_never_ran_still_makes_a_bundle(tmp_path: Path) -> None:
    files = collect(tmp_path, None, None)
    assert set(files) == {"files.json", "journal.json", "settings.toml", "versions.json"}
    assert json.loads(files["journal.json"]) == {"records": None}


def test_broken_parts_are_told_of_and_keep_nothing_back(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"nonsense" * 500)
    (tmp_path / "poe.toml").write_text("[l2]\n")
    (tmp_path / "log").write_bytes(b"\xff\xfe a line\n")
    files = collect(tmp_path, tmp_path / "poe.toml", None)
    assert "POE-JNL-005" in files["journal.json"]
    assert "POE-CFG-001" in files["settings.toml"]
    assert "a line" in files["logs/log"]


def test_of_a_long_log_the_last_whole_lines_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.txt"
    path.write_text("".join(f"line {number}\n" for number in range(100_000)))
    text = collect(tmp_path, None, path)["logs/elsewhere.txt"]
    assert text.endswith("line 99999\n")
    assert text.startswith("line ")
    assert len(text) <= 512 * 2**10


def test_an_existing_file_is_kept_and_a_missing_folder_named(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.write_text("x")
    with pytest.raises(InputError, match="POE-INP-046"):
        bundle(data_dir=tmp_path, out=out)
    assert out.read_text() == "x"
    with pytest.raises(InputError, match="POE-INP-043"):
        bundle(data_dir=tmp_path / "none", out=tmp_path / "new")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("https://u:p@host/key", "https://host/…"),
        ("https://host:1/?key=1", "https://host:1/…"),
        ("wss://u@[::1]:9/", "wss://[::1]:9"),
        ("http://host:notaport/", "[url]"),
    ],
)
def test_of_a_url_scheme_host_and_port_are_shown(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_addresses_stay_and_hashes_are_shortened() -> None:
    address, digest = "0x" + "a7" * 20, "0x" + "12345678" * 8
    assert redact(f"{address} {digest} batch=12") == f"{address} 12345678… batch=12"


@given(
    st.binary(min_size=32, max_size=80), st.sampled_from(["", "0x"]), st.sampled_from(["x {}", "k={}", '"{}",', "{}"])
)
def test_no_key_survives_whatever_is_around_it(key: bytes, prefix: str, around: str) -> None:
    assert key.hex() not in redact(around.format(prefix + key.hex()))


@given(st.text(max_size=200))
def test_redaction_takes_any_text_and_is_done_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
