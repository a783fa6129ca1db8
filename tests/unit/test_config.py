"""Settings: precedence, unknown keys, types, ranges, and the way back to TOML."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.config import L1Settings, LogSettings, NetSettings, Settings, dump_settings, load_settings
from poe.errors import ConfigError


def load(
    tmp_path: Path, text: str = "", *, environment: dict[str, str] | None = None, flags: dict[str, Any] | None = None
) -> Settings:
    path = tmp_path / "poe.toml"
    path.write_text(text)
    return load_settings(path, environment=environment or {}, flags=flags)


def refusal(tmp_path: Path, text: str = "", **sources: Any) -> str:
    """The one line with which settings are refused."""
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text, **sources)
    line = str(refused.value)
    assert "\n" not in line
    return line


def test_without_any_source_the_defaults_hold() -> None:
    assert load_settings(None, environment={}) == Settings()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_a_file_beats_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, '[l1]\nrpc_url = "http://10.0.0.1:1"\n[prover]\ntip_wei = 5\n')
    assert (settings.l1.rpc_url, settings.prover.tip_wei) == ("http://10.0.0.1:1", 5)
    assert settings.l1.chain_id == Settings().l1.chain_id, "what a section leaves out keeps its default"


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "[l1]\nchain_id = 1\n", environment={"POE_L1__CHAIN_ID": "2"})
    assert settings.l1.chain_id == 2


def test_a_flag_beats_the_environment(tmp_path: Path) -> None:
    environment = {"POE_L1__CHAIN_ID": "2"}
    settings = load(tmp_path, "[l1]\nchain_id = 1\n", environment=environment, flags={"l1.chain_id": 3})
    assert settings.l1.chain_id == 3


def test_a_flag_that_was_not_given_beats_nothing(tmp_path: Path) -> None:
    settings = load(tmp_path, 'data_dir = "here"\n', flags={"data_dir": None, "l1.rpc_url": None})
    assert settings.data_dir == "here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("false", False), ("1", True), ("0", False)],
)
def test_environment_values_become_their_types(tmp_path: Path, text: str, expected: bool) -> None:
    environment = {"POE_NET__ENABLED": text, "POE_NET__PORT": "8000", "POE_L1__POLL_SECONDS": "0.5"}
    settings = load(tmp_path, environment=environment)
    assert (settings.net.enabled, settings.net.port, settings.l1.poll_seconds) == (expected, 8000, 0.5)


@pytest.mark.parametrize("source", ["list", "one string", "environment", "flag"])
def test_endpoints_are_a_list_or_separated_by_commas(tmp_path: Path, source: str) -> None:
    urls = ("http://a:1/x,y", "https://b")
    text = ",".join(urls)
    given: dict[str, Any] = {
        "list": {"text": f"[l1]\nrpc_url = {list(urls)}\n"},
        "one string": {"text": f"[l1]\nrpc_url = '{text}'\n"},
        "environment": {"environment": {"POE_L1__RPC_URL": text}},
        "flag": {"flags": {"l1.rpc_url": text}},
    }[source]
    settings = load(tmp_path, **given)
    assert settings.l1.rpc_urls == urls, "a comma within a URL is left alone"
    assert load(tmp_path, dump_settings(settings)) == settings


def test_one_endpoint_is_a_list_of_one(tmp_path: Path) -> None:
    assert load(tmp_path, '[l1]\nrpc_url = "http://10.0.0.1:1"\n').l1.rpc_urls == ("http://10.0.0.1:1",)


def test_environment_lists_are_comma_separated(tmp_path: Path) -> None:
    assert load(tmp_path, environment={"POE_NET__BOOTSTRAP": "/a,/b,"}).net.bootstrap == ("/a", "/b")
    assert load(tmp_path, environment={"POE_NET__BOOTSTRAP": ""}).net.bootstrap == ()


def test_other_environment_variables_are_none_of_our_business(tmp_path: Path) -> None:
    assert load(tmp_path, environment={"HOME": "/x", "XPOE_L1__NOPE": "1", "POE_PLAIN": "1"}) == Settings()


def test_an_unknown_key_in_a_section_suggests_the_nearest(tmp_path: Path) -> None:
    line = refusal(tmp_path, '[l1]\nrpc_ulr = "http://x"\n')
    assert line.startswith("POE-CFG-001: unknown setting l1.rpc_ulr in ")
    assert line.endswith("(did you mean l1.rpc_url?)")


def test_an_unknown_section_suggests_the_nearest(tmp_path: Path) -> None:
    assert "(did you mean prover?)" in refusal(tmp_path, "[provers]\nthreads = 1\n")


def test_an_unknown_key_like_nothing_lists_what_is_known(tmp_path: Path) -> None:
    assert "(known here: bootstrap, enabled, listen_host, port)" in refusal(tmp_path, "[net]\nzzzz = 1\n")


@pytest.mark.parametrize("variable", ["POE_L1__RPC_ULR", "POE_LL__RPC_URL", "POE_L1__RPC__URL"])
def test_an_unknown_variable_suggests_the_nearest(tmp_path: Path, variable: str) -> None:
    line = refusal(tmp_path, environment={variable: "x"})
    assert line == f"POE-CFG-001: unknown setting {variable} in the environment (did you mean POE_L1__RPC_URL?)"


def test_an_unknown_variable_like_nothing_is_to_be_unset(tmp_path: Path) -> None:
    assert refusal(tmp_path, environment={"POE_QQ__W": "x"}).endswith("(unset it)")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[l1]\nchain_id = "one"\n', "l1.chain_id"),
        ("[l1]\nrpc_url = 7\n", "l1.rpc_url"),
        ("[net]\nbootstrap = 7\n", "net.bootstrap"),
        ("[prover]\nthreads = 1.5\n", "prover.threads"),
        ("[net]\nenabled = 'maybe'\n", "net.enabled"),
    ],
)
def test_a_wrong_type_names_its_key(tmp_path: Path, text: str, key: str) -> None:
    line = refusal(tmp_path, text)
    assert line.startswith("POE-CFG-003")
    assert key in line


def test_a_wrong_type_in_the_environment_names_its_key(tmp_path: Path) -> None:
    assert "l1.chain_id" in refusal(tmp_path, environment={"POE_L1__CHAIN_ID": "one"})


def test_a_section_given_as_a_value_is_refused(tmp_path: Path) -> None:
    assert "l1 in" in refusal(tmp_path, "l1 = 3\n")


OUT_OF_RANGE: dict[str, list[Any]] = {
    "version": [0, 2],
    "l1.rpc_url": [
        "",
        "ws://x",
        "127.0.0.1:8545",
        [],
        ["http://a", "ws://b"],
        ["http://a", "http://a"],
        [f"http://{n}" for n in range(9)],
        "http://a,http://a",
    ],
    "l1.chain_id": [0, -1, 2**256],
    "l1.deployed_at_block": [-1],
    "l1.poll_seconds": [0, -1, math.nan, math.inf],
    "l1.deadline_seconds": [0, math.nan, math.inf],
    "net.port": [-1, 65536],
    "metrics.port": [-1, 65536],
    "sequencer.port": [-1, 65536],
    "sequencer.seal_seconds": [0, math.nan, math.inf],
    "sequencer.fee_account": [-1, 2**48],
    "sequencer.max_unposted_batches": [0],
    "sequencer.max_unproven_batches": [0],
    "sequencer.mempool_transactions": [0],
    "prover.threads": [0, 10**6],
    "prover.start_jitter_seconds": [-0.1, 61, math.nan],
    "prover.tip_wei": [-1, 2**96],
    "prover.tables": ["", "none", "FULL"],
    "log.level": ["loud"],
    "log.format": ["xml"],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in OUT_OF_RANGE.items() for value in values], ids=str
)
def test_a_value_out_of_range_names_its_key_and_the_range(tmp_path: Path, key: str, value: Any) -> None:
    line = refusal(tmp_path, flags={key: value})
    assert line.startswith(f"POE-CFG-003: {key} is out of range (wanted: ")


@pytest.mark.parametrize(
    ("key", "value"), [("net.port", 65535), ("sequencer.fee_account", 2**48 - 1), ("prover.tip_wei", 0)]
)
def test_the_ends_of_a_range_are_inside(tmp_path: Path, key: str, value: int) -> None:
    load(tmp_path, flags={key: value})


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^POE-CFG-002: no configuration file .*none\.toml$"):
        load_settings(tmp_path / "none.toml", environment={})


@pytest.mark.parametrize("content", [b"[l1", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="POE-CFG-002") as refused:
        load_settings(path, environment={})
    assert str(path) in str(refused.value)


def test_a_folder_is_not_a_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POE-CFG-002"):
        load_settings(tmp_path, environment={})


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        Settings().version = 2  # type: ignore[misc]


def test_the_defaults_survive_the_way_to_toml_and_back(tmp_path: Path) -> None:
    assert load(tmp_path, dump_settings(Settings())) == Settings()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    data_dir=TEXT,
    bootstrap=st.lists(TEXT, max_size=3),
    key_file=TEXT,
    enabled=st.booleans(),
    poll=st.floats(min_value=1e-9, max_value=1000),
    level=st.sampled_from(["debug", "info", "warning", "error"]),
)
def test_any_settings_survive_the_way_to_toml_and_back(
    tmp_path_factory: pytest.TempPathFactory,
    data_dir: str,
    bootstrap: list[str],
    key_file: str,
    enabled: bool,
    poll: float,
    level: str,
) -> None:
    settings = Settings(
        data_dir=data_dir,
        l1=L1Settings(key_file=key_file, poll_seconds=poll),
        net=NetSettings(enabled=enabled, bootstrap=tuple(bootstrap)),
        log=LogSettings(level=level),
    )
    path = tmp_path_factory.mktemp("settings") / "poe.toml"
    path.write_text(dump_settings(settings))
    assert load_settings(path, environment={}) == settings


def test_no_setting_holds_a_secret() -> None:
    """Only paths to secrets: whoever prints the settings, as `poe config show` does, must give nothing away."""
    names = {
        field.name
        for section in (L1Settings, NetSettings, *(type(v) for v in msgspec.structs.asdict(Settings()).values()))
        if isinstance(section, type) and issubclass(section, msgspec.Struct)
        for field in msgspec.structs.fields(section)
    }
    secretive = {name for name in names if any(word in name for word in ("secret", "private", "password", "mnemonic"))}
    assert secretive == {"password_file"}
    assert {name for name in names if "key" in name} == {"key_file", "key_cache", "zkey"}


def test_the_data_folder_has_a_variable_of_its_own() -> None:
    assert load_settings(None, environment={"POE_DATA_DIR": "elsewhere"}).data_dir == "elsewhere"


def test_variables_of_other_programs_are_left_alone() -> None:
    assert load_settings(None, environment={"POE_ANVIL": "/bin/anvil", "PATH": "/bin"}) == load_settings(
        None, environment={}
    )


def test_a_wrong_type_in_the_environment_is_blamed_on_its_setting() -> None:
    with pytest.raises(ConfigError, match=r"^POE-CFG-003: setting prover\.threads: "):
        load_settings(None, environment={"POE_PROVER__THREADS": "two"})
