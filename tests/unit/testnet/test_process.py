"""What a testnet's child processes inherit."""

from __future__ import annotations

from poe.testnet.process import _clean_environment


def test_children_inherit_no_setting_of_a_single_node() -> None:
    environment = {"POE_DATA_DIR": "/tmp/elsewhere", "POE_PROVER__THREADS": "7", "PATH": "/bin", "HOME": "/root"}
    assert _clean_environment(environment) == {"PATH": "/bin", "HOME": "/root"}
