"""The machine under a role: cores, memory, disk, the memory of its child processes; read from /proc at each scrape."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from poe.metrics.definer import Definer

KIBI = 1024
PROC = Path("/proc")


class HostMetrics:
    """Group `host`."""

    def _define_host(self, define: Definer) -> None:
        define.open_group("host")
        self.build = define.gauge(
            "poe_build_info",
            "Always 1; the version of this program and the number of the circuit it proves.",
            ["version", "circuit"],
        )
        self.cores = define.gauge("poe_host_cores", "Cores this process may use.")
        self.memory = define.gauge("poe_host_memory_bytes", "Memory of the machine.")
        self.available_memory = define.gauge("poe_host_memory_available_bytes", "Memory that could still be had.")
        self.load = define.gauge("poe_host_load1", "Load average of the last minute.")
        self.disk_free = define.gauge("poe_host_disk_free_bytes", "Free space where the data folder is.")
        self.children_memory = define.gauge(
            "poe_process_children_resident_bytes",
            "Resident memory of our child processes: a prover's proving worker.",
        )

    def watch_host(self, data_dir: Path) -> None:
        """Have the host's figures read at each scrape."""
        self.cores.set_function(lambda: len(os.sched_getaffinity(0)))
        self.memory.set_function(lambda: memory_bytes("MemTotal"))
        self.available_memory.set_function(lambda: memory_bytes("MemAvailable"))
        self.load.set_function(lambda: os.getloadavg()[0])
        self.disk_free.set_function(lambda: free_bytes(data_dir))
        self.children_memory.set_function(lambda: sum(resident_bytes(pid) for pid in children_of(os.getpid())))


def memory_bytes(field: str) -> int:
    """A line of /proc/meminfo, in bytes; 0 where there is none."""
    return _field(PROC / "meminfo", field) * KIBI


def free_bytes(folder: Path) -> int:
    """Free space for us on the file system of a folder; 0 if it is gone."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 once it is gone."""
    return _field(PROC / str(pid) / "status", "VmRSS") * KIBI


def children_of(pid: int) -> list[int]:
    """Child processes of a process, and theirs."""
    found: list[int] = []
    for listed in (PROC / str(pid) / "task").glob("*/children"):
        try:
            direct = [int(child) for child in listed.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children_of(child)]
    return found


def _field(source: Path, name: str) -> int:
    """The number after `name:` in a file of /proc."""
    try:
        lines = source.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
