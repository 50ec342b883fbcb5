"""The process in which a foreign network is looked at and run. `process` starts and ends it.

It has no file to write, no memory but what its limit gives, and for each call so many seconds of
a core, after which the system ends it. It ends as well when who started it is gone.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
import onnxruntime

from vae_core.checkpoints.onnx.frames import OUT_OF_MEMORY, receive, send
from vae_core.checkpoints.onnx.inspection import Refused, fed_inputs, inspected

if sys.platform != "win32":
    import resource

LOOK_SECONDS = 0.2
MAX_GIVEN = 1 << 30  # bytes of a message
_MEMORY = ("allocate memory", "bad_alloc", "bad allocation", "std::length_error", "out of memory")
_NICENESS = 10


class Network:
    """An opened file: a graph of one input."""

    def __init__(self, data: bytes) -> None:
        model = inspected(data)
        fed = fed_inputs(model)
        if len(fed) != 1:
            names = ", ".join(name[:20] for name, _, _ in fed[:5])
            raise Refused(f"takes {len(fed)} inputs ({names}), and one is expected")
        self.name, kind, self.sides = fed[0]
        if kind == "other" or len(self.sides) < 2:
            raise Refused(f"takes {self.name[:20]!r}, which is no batch of floating-point numbers")
        self.dtype = np.dtype(kind)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.metadata = {p.key: p.value for p in model.metadata_props if len(p.value) < 1_000}

    @property
    def outputs(self) -> list[str]:
        return [each.name for each in self.session.get_outputs()]

    def run(self, rows: np.ndarray) -> list[np.ndarray]:
        """rows (n, …) float32 -> each output, (n, …) float32; a fixed batch is filled up."""
        n, fixed = len(rows), self.sides[0]
        if fixed and n % fixed:
            rest = np.zeros((fixed - n % fixed, *rows.shape[1:]), rows.dtype)
            rows = np.concatenate([rows, rest])
        parts = [
            self.session.run(None, {self.name: part.astype(self.dtype)})
            for part in (np.split(rows, len(rows) // fixed) if fixed else [rows])
        ]
        found = [np.concatenate(outputs)[:n] for outputs in zip(*parts, strict=True)]
        for name, each in zip(self.outputs, found, strict=True):
            if each.dtype.kind not in "fiub":
                raise Refused(f"gives {name[:20]!r} of no numbers; they must be floating-point")
            if each.ndim < 1 or len(each) != n:
                raise Refused(
                    f"gives {name[:20]!r} of the shape {each.shape} for {n} rows; the first side "
                    "must count these"
                )
        return [each.astype(np.float32) for each in found]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more requests."""
    networks: dict[str, Network] = {}
    while True:
        try:
            told, data = receive(requests, MAX_GIVEN)
        except EOFError:
            return
        _limit_seconds(told["seconds"])
        begun = time.process_time()
        try:
            answer, given = _answer(networks, told, data)
        except Refused as refused:
            answer, given = {"refused": str(refused)}, b""
        except KeyError as missing:
            answer, given = {"refused": f"has no output {str(missing)[:40]}"}, b""
        except MemoryError:
            answer, given = {"limit": "memory"}, b""
        except Exception as error:  # noqa: BLE001 — onnxruntime's own are of many kinds
            text = " ".join(str(error).split())
            lacks = any(word in text for word in _MEMORY)
            answer, given = {"limit": "memory"} if lacks else {"failed": text[:300]}, b""
        answer["seconds"] = time.process_time() - begun
        send(answers, answer, given)


def _answer(
    networks: dict[str, Network], told: dict[str, Any], data: bytes
) -> tuple[dict[str, Any], bytes]:
    if told["verb"] == "open":
        network = networks[told["name"]] = Network(data)
        return {
            "sides": network.sides,
            "outputs": network.outputs,
            "metadata": network.metadata,
        }, b""
    network = networks[told["name"]]
    rows = np.frombuffer(data, np.float32).reshape(told["shape"])
    given = dict(zip(network.outputs, network.run(rows), strict=True))
    found = [given[name] for name in told["outputs"] or network.outputs]
    if sum(each.nbytes for each in found) > told["most"]:
        raise Refused(f"gives arrays of {[e.shape for e in found]}, which are larger than expected")
    return {"shapes": [each.shape for each in found]}, b"".join(each.tobytes() for each in found)


def _limit_memory(more: int) -> None:
    """From now on the process may take so many bytes more, and write no file."""
    if sys.platform == "win32":
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with suppress(OSError, ValueError):
        with open("/proc/self/statm", "rb") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + more, held + more))


def _limit_seconds(seconds: float) -> None:
    """The system ends the process when it has computed for so long from now on."""
    if sys.platform != "win32":
        until = int(time.process_time() + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _watch(parent: int, most: int) -> None:
    """End with the process that started this one; and where the system limits no memory, here."""
    while True:
        time.sleep(LOOK_SECONDS)
        if os.getppid() != parent:
            os._exit(0)
        if peak_bytes() > most:
            os._exit(OUT_OF_MEMORY)


def peak_bytes() -> int:
    """Of memory, that this process has held at most."""
    held: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else 1024 * held


def main(memory: int) -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit_memory(memory)
    if sys.platform != "win32":
        os.nice(_NICENESS)
        most = peak_bytes() + memory
        threading.Thread(target=_watch, args=(os.getppid(), most), daemon=True).start()
    serve(requests, answers)


if __name__ == "__main__":
    main(int(sys.argv[1]))
