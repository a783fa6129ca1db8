"""The proving process: reads jobs from stdin, proves with the Rust core, answers on stdout.

Proves under SCHED_IDLE, so that a prover that saturates every core never starves the node's network loop; what it does
once, at the start, it does at normal priority. Frames are a 4-byte big-endian length and a msgpack value: a job
`[trace, statement]`, or None, which stops the job before it. Each job gets one answer. When the parent dies, stdin
closes and the process leaves at once, in the middle of a proof too.
"""

from __future__ import annotations

import os
import queue
import struct
import sys
import threading
from typing import Any, BinaryIO

import msgpack

from poe import _core

READY, DONE, FAILED, STOPPED = "ready", "done", "failed", "stopped"

Job = tuple[bytes, bytes, _core.StopFlag]
"""Trace, statement, and the flag that ends the work."""


def read_frame(stream: BinaryIO) -> Any:
    """The next frame's value; EOFError when the stream ends."""
    prefix = stream.read(4)
    if len(prefix) < 4:
        raise EOFError
    (length,) = struct.unpack(">I", prefix)
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return msgpack.unpackb(body)


def encode_frame(value: Any) -> bytes:
    """A value as one frame."""
    body: bytes = msgpack.packb(value)
    return struct.pack(">I", len(body)) + body


def _read_jobs(stream: BinaryIO, jobs: queue.Queue[Job]) -> None:
    """Feed jobs to the main thread and stop them; leave the process when the parent is gone, or talks nonsense.

    A stop sets the flag of the last job alone, so one that crosses its job's answer on the way stops nothing.
    """
    stop = _core.StopFlag()
    try:
        while True:
            frame = read_frame(stream)
            if frame is None:
                stop.set()
            else:
                trace, statement = frame
                stop = _core.StopFlag()
                jobs.put((trace, statement, stop))
    except EOFError:
        os._exit(0)
    finally:
        os._exit(1)


def _prove(key: _core.ProvingKey, job: Job, threads: int) -> list[Any]:
    trace, statement, stop = job
    try:
        result = key.prove(trace, statement, threads, stop)
    except _core.Stopped:
        return [STOPPED]
    except (_core.CoreError, _core.CorePanic) as error:
        return [FAILED, str(error)]
    seconds = [result.witness_seconds, result.prove_seconds, result.verify_seconds]
    return [DONE, result.commitment, result.x, result.y, result.proof, seconds]


def _answer(stream: BinaryIO, value: Any) -> None:
    stream.write(encode_frame(value))
    stream.flush()


def main(key_path: str, threads: int, tables: str) -> None:
    """Serve proofs until stdin closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log, never into the protocol
    jobs: queue.Queue[Job] = queue.Queue(maxsize=1)
    # Started before the priority sinks, which a thread inherits: it must be heard while every core proves.
    threading.Thread(target=_read_jobs, args=(sys.stdin.buffer, jobs), daemon=True).start()
    try:
        key = _core.ProvingKey.load(key_path, tables=tables, threads=threads)
    except (_core.CoreError, _core.CorePanic) as error:
        _answer(answers, [FAILED, str(error)])
        return
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _answer(answers, [READY, key.circuit_hash, key.arithmetic, key.tables, key.table_bytes, key.is_mapped])
    while True:
        _answer(answers, _prove(key, jobs.get(), threads))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
