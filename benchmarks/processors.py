"""Whether one training gives the same weights wherever it runs, and if not, by how much less good.

    python -m benchmarks.processors [--preset digits-2d] [--json FILE]

The libraries choose their kernels by what the processor can. Here one config is trained again and
again, each time in a process of its own in which they are told to choose as on an older one: what
then comes out differently would do so on another machine, too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from vae_core.training.config import TrainConfig
from vae_core.training.presets import preset

# what is done: the environment's settings that have it done
KERNELS: dict[str, dict[str, str]] = {
    "as the processor has it": {},
    "the same once more": {},
    "PyTorch's own kernels for AVX2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "PyTorch's own kernels for no vectors": {"ATEN_CPU_CAPABILITY": "default"},
    "MKL's matrix products for any processor": {"MKL_CBWR": "COMPATIBLE"},
}


def trained(config: TrainConfig) -> dict[str, Any]:
    """The SHA-256 of the last weights, and the loss on the test images, in nats."""
    from vae_core.training.loop import train

    *_, last = train(config)
    assert last.test is not None
    digest = hashlib.sha256()
    for _, tensor in sorted(last.model.state_dict().items()):
        digest.update(tensor.numpy().tobytes())
    return {"sha256": digest.hexdigest(), "loss": last.test.loss}


def in_own_process(name: str, settings: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.processors", "--preset", name, "--one"]
    found = subprocess.run(command, env=os.environ | settings, check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def processor() -> str:
    """What the processor calls itself, where it says so."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--preset", default="digits-2d")
    parser.add_argument("--json", type=Path, default=Path("docs/processors.json"))
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(trained(replace(preset(options.preset), threads=1))))
        return

    import torch

    rows = {}
    for what, settings in KERNELS.items():
        rows[what] = in_own_process(options.preset, settings)
        print(f"{what:40} {rows[what]['sha256'][:12]} {rows[what]['loss']:.6f}", flush=True)
    document = {
        "preset": options.preset,
        "processor": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "rows": rows,
    }
    options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
