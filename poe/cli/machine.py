"""What a check-up finds on this machine: program, processor, memory, disk, data folder, ports."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import poe
from poe.cli.bounds import PROVER_BYTES, estimated_constraints
from poe.cli.findings import Finding, failure, good, skipped, warning
from poe.config import Settings
from poe.rollup.types import Shape

KEY_BYTES_PER_CONSTRAINT = 400
TABLE_BYTES_PER_CONSTRAINT = {"full": 5_600, "small": 2_800}
"""The most seen on real keys, with room for rounding to powers of two; `poe bench prove` tells the exact size."""
LEAST_DISK_BYTES = 200 * 2**20
COMFORTABLE_DISK_BYTES = 2 * 2**30
POSEIDON_OF_1_AND_2 = 7853200120776062878684798364095072458815029376092732009249414926327459813530
"""circomlib's known answer."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
READABLE = ("metrics.port", "web.port")
"""Doors that tell and take nothing."""
MIB = 2**20
MEMINFO = Path("/proc/meminfo")
CONTROL_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Figures of this machine, bytes and seconds, as one moment shows them."""

    memory_free_bytes: int
    cores: int
    arithmetics: tuple[str, ...]
    now: float
    """Unix time by our own clock."""


def look_at_machine() -> Machine:
    """This machine, now; BackendError if the Rust core cannot be loaded."""
    import time

    from poe.backend.fast import arithmetics

    return Machine(
        memory_free_bytes=free_memory(MEMINFO, CONTROL_GROUP),
        cores=os.cpu_count() or 1,
        arithmetics=tuple(arithmetics()),
        now=time.time(),
    )


def free_memory(meminfo: Path, cgroup: Path) -> int:
    """Bytes a new process may take: what the kernel calls available, or what our control group has left of its own."""
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    available = int(lines["MemAvailable"].split()[0]) * 1024
    try:
        left = int((cgroup / "memory.max").read_text()) - int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no control group, or "max"
        return available
    return max(0, min(available, left))


def check_program() -> Finding:
    """Is the Rust core there and does it compute what it should?"""
    from poe.backend import native

    if native.poseidon([1, 2]) != POSEIDON_OF_1_AND_2:
        return failure("program", "POE-DOC-001", "the Rust core computes a wrong hash")
    python = ".".join(map(str, sys.version_info[:3]))
    return good("program", f"poe {poe.__version__}, Python {python}, the Rust core answers rightly")


def check_processor(machine: Machine, settings: Settings) -> Finding:
    """Has it the instructions of the fast path?"""
    threads = f"{machine.cores} cores, {settings.prover.threads} to prove on"
    if "ifma" in machine.arithmetics:
        return good("processor", f"AVX-512 IFMA, {threads}")
    return warning("processor", "POE-DOC-002", f"no AVX-512 IFMA, {threads}")


def check_memory(machine: Machine, settings: Settings, shape: Shape) -> Finding:
    """Does a prover of this shape fit into what is free, with the tables that the settings ask for?"""
    constraints = estimated_constraints(shape)
    base = PROVER_BYTES + constraints * KEY_BYTES_PER_CONSTRAINT
    needs = {size: base + constraints * each for size, each in TABLE_BYTES_PER_CONSTRAINT.items()}
    free, chosen = machine.memory_free_bytes, settings.prover.tables
    told = f"{free // MIB} MiB free, shape {shape} takes about {needs['full'] // MIB} MiB with full tables"
    least = needs["small" if chosen == "auto" else chosen]
    if free < least:
        fix = "" if chosen == "full" and free < needs["small"] else 'set prover.tables = "small", or free some memory'
        return failure("memory", "POE-DOC-003", told, fix if chosen == "full" else "")
    if chosen == "auto" and free < needs["full"]:
        return warning("memory", "POE-DOC-003", f"{told}; small ones will be taken")
    return good("memory", told)


def check_disk(folder: Path) -> Finding:
    """Is there room where the node writes?"""
    free = shutil.disk_usage(existing_part(folder)).free
    told = f"{free // MIB} MiB free for {folder}"
    if free < LEAST_DISK_BYTES:
        return failure("disk", "POE-DOC-004", told)
    return warning("disk", "POE-DOC-004", told) if free < COMFORTABLE_DISK_BYTES else good("disk", told)


def check_data_folder(folder: Path) -> Finding:
    """Can it be written, is nobody in it?"""
    part = existing_part(folder)
    if not part.is_dir() or not os.access(part, os.W_OK | os.X_OK):
        return failure("data folder", "POE-TOL-008", f"{folder} cannot be written to")
    if is_held(folder):
        return warning("data folder", "POE-TOL-009", f"a process uses {folder} now", "stop it before another starts")
    return good("data folder", f"{folder}" + ("" if folder.exists() else " will be made"))


def check_journal(folder: Path) -> Finding:
    """Can the journal be read? JournalError if not."""
    from poe.journal import count_records

    counts = count_records(folder)
    if counts is None:
        return good("journal", "none yet, it is made at the first start")
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "empty"
    return good("journal", f"readable: {told}")


def check_ports(settings: Settings, *, role: str) -> Finding:
    """Are the ports free that the settings name?"""
    wanted = [("metrics.port", settings.metrics.host, settings.metrics.port)]
    if role == "observer" and settings.web.enabled:
        wanted.append(("web.port", settings.web.host, settings.web.port))
    if settings.net.enabled and (role != "observer" or settings.web.enabled):
        wanted.append(("net.port", settings.net.listen_host, settings.net.port))
    if role == "sequencer":
        host = settings.sequencer.host
        wanted += [("sequencer.port", host, settings.sequencer.port)]
        wanted += [("sequencer.stream_port", host, settings.sequencer.stream_port)]
    taken = [f"{name} {host}:{port}" for name, host, port in wanted if port and not _is_free(host, port)]
    if taken and is_held(Path(settings.data_dir)):
        return skipped("ports", f"{', '.join(taken)} is taken, as it is while the node runs")
    if taken:
        return failure("ports", "POE-TOL-002", f"taken, or no address of this machine: {', '.join(taken)}")
    open_to_others = [
        f"{name.replace('port', 'host')} {host}"
        for name, host, _ in wanted
        if name in READABLE and host not in LOOPBACK
    ]
    if open_to_others:
        told = f"{' and '.join(open_to_others)} lets others read what this node does"
        return warning("ports", "POE-DOC-007", told)
    named = [f"{name} {port}" for name, _, port in wanted if port]
    return good("ports", f"free: {', '.join(named)}" if named else "any free ones are taken")


def existing_part(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def is_held(folder: Path) -> bool:
    """Does another process hold the data folder?"""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_free(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as a server does: TIME_WAIT is no owner
            probe.bind(address)
    except OSError:
        return False
    return True
