"""`poe market watch`: what its flags make of the settings."""

from __future__ import annotations

from pathlib import Path

from poe.cli.market_watch import PAGE_PORT, WatchFlags
from poe.config import load_settings


def settings_of(flags: WatchFlags) -> tuple[bool, int, str, str]:
    settings = load_settings(flags.config, environment={}, flags=flags.overrides)
    return settings.web.enabled, settings.web.port, settings.web.host, settings.data_dir


def test_lines_need_no_page() -> None:
    assert settings_of(WatchFlags()) == (False, 0, "127.0.0.1", "poe-watch")


def test_the_page_is_on_loopback_and_a_port_that_stays() -> None:
    assert settings_of(WatchFlags(web=True)) == (True, PAGE_PORT, "127.0.0.1", "poe-watch")
    assert settings_of(WatchFlags(web=True, port=0))[1] == 0


def test_gossip_is_joined_only_through_named_peers() -> None:
    def net_of(flags: WatchFlags) -> tuple[bool, tuple[str, ...]]:
        net = load_settings(None, environment={}, flags=flags.overrides).net
        return net.enabled, net.bootstrap

    assert net_of(WatchFlags(web=True)) == (False, ())
    peer = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWDNFy7FqooScLmVbijkp4oz8h47QvjGqbeYLR5C6b4wB7"
    assert net_of(WatchFlags(web=True, peer=(peer,))) == (True, (peer,))


def test_a_named_folder_is_used(tmp_path: Path) -> None:
    assert settings_of(WatchFlags(data_dir=tmp_path))[3] == str(tmp_path)


def test_a_settings_file_names_its_own_folder(tmp_path: Path) -> None:
    config = tmp_path / "poe.toml"
    config.write_text('data_dir = "elsewhere"\n')
    assert settings_of(WatchFlags(config=config, web=True))[3] == "elsewhere"
