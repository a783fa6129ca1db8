"""What the processes of a network listen on: loopback alone, and no port that their endpoints do not name."""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.integration.launching import finish, read_json, start, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp; a UDP socket that takes from anybody is 07 there."""
UNCONNECTED = "07"
DOORS = {"sequencer": 4, "prover-1": 2, "observer": 3}
"""Metrics each; the network; the sequencer's RPC and stream; the observer's live page."""


def family(pid: int) -> set[int]:
    """A process and all below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found


def open_sockets(pid: int) -> set[str]:
    """Inodes of the sockets that a process holds."""
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(os.readlink(descriptor))
        except OSError:
            continue
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}


def address_of(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """`0100007F:1F90`, words in the machine's order, as /proc writes them."""
    host, _, port = text.partition(":")
    words = bytes.fromhex(host)
    packed = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
    return ipaddress.ip_address(packed), int(port, 16)


def doors(pid: int) -> set[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address, int]]:
    """(protocol, address, port) of every socket by which a process and its children can be spoken to."""
    inodes = {inode for one in family(pid) for inode in open_sockets(one)}
    found = set()
    for protocol, state in (("tcp", LISTENING), ("tcp6", LISTENING), ("udp", UNCONNECTED), ("udp6", UNCONNECTED)):
        for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and fields[9] in inodes:
                found.add((protocol, *address_of(fields[1])))
    return found


def test_every_process_listens_on_loopback_alone_and_only_where_its_endpoints_say(data_dir: Path) -> None:
    process = start(data_dir, "--provers", "1")
    try:
        wait_until(lambda: read_json(data_dir / "observer" / "status.json").get("finalized"), 240, "a final batch")
        endpoints = {name: read_json(data_dir / name / "endpoints.json") for name in DOORS}
        pids = read_json(data_dir / "testnet.json")["pids"]
        assert {*DOORS, "anvil"} >= set(pids) >= set(DOORS)
        for name, pid in pids.items():
            found = doors(pid)
            assert {address for _, address, _ in found if not address.is_loopback} == set(), (name, found)
            if name in DOORS:
                named = {
                    int(port) for text in endpoints[name].values() for port in re.findall(r"[:/](\d{2,5})\b", text)
                }
                assert len(found) == DOORS[name], (name, found)
                assert {port for _, _, port in found} <= named, (name, found, endpoints[name])
        assert all(address.is_loopback for _, address, _ in doors(process.pid)), "anvil, and the command itself"
        for name in DOORS:
            with urllib.request.urlopen(
                endpoints[name]["metrics"].replace("/metrics", "/readyz"), timeout=10
            ) as answer:
                assert answer.read() == b"[+] loop ok\n[+] l1 ok\n[+] l1_history ok\n"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    finish(process, data_dir)


def test_a_socket_on_every_address_would_be_seen() -> None:
    """The test above must not pass because it cannot see."""
    with socket.create_server(("0.0.0.0", 0)) as everywhere, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        found = doors(os.getpid())
        assert ("tcp", ipaddress.ip_address("0.0.0.0"), everywhere.getsockname()[1]) in found
        assert ("udp", ipaddress.ip_address("127.0.0.1"), udp.getsockname()[1]) in found
