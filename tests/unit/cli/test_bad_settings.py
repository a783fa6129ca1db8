"""Settings that only a role can judge are refused by name before the role starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from poe.assembly.prover import require_tip_within_reward
from poe.cli.addresses import require_addresses
from poe.config import NetSettings, ProverSettings, Settings
from poe.errors import ConfigError
from poe.l1.interface import ArbiterParameters

PEER = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWNPypbYRTnuaLcsfHM5TUkG2Rj3m4QLQT8h5gimz4gHtu"


@dataclass
class Reward:
    """The only parameter that a tip is measured by."""

    reward: int


@pytest.mark.parametrize("text", ["foo", "", "/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4001/p2p/xx", PEER + "0"])
def test_a_malformed_bootstrap_address_names_the_setting(text: str) -> None:
    with pytest.raises(ConfigError, match=r"POE-CFG-012: net\.bootstrap: .*\(such as"):
        require_addresses(Settings(net=NetSettings(bootstrap=(PEER, text))))


@pytest.mark.parametrize("host", ["", "not a host", "localhost", "127.0.0.1:1"])
def test_a_malformed_listen_host_names_the_setting(host: str) -> None:
    with pytest.raises(ConfigError, match=r"POE-CFG-012: net\.listen_host: "):
        require_addresses(Settings(net=NetSettings(listen_host=host)))


def test_good_addresses_pass() -> None:
    for host in ("127.0.0.1", "::1"):
        require_addresses(Settings(net=NetSettings(listen_host=host, bootstrap=(PEER,))))


def test_a_tip_above_the_reward_is_refused_and_one_of_all_of_it_is_not() -> None:
    parameters: Any = Reward(reward=10)
    require_tip_within_reward(Settings(prover=ProverSettings(tip_wei=10)), cast(ArbiterParameters, parameters))
    with pytest.raises(ConfigError, match="POE-CFG-011"):
        require_tip_within_reward(Settings(prover=ProverSettings(tip_wei=11)), cast(ArbiterParameters, parameters))
