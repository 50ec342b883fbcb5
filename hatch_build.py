"""Puts the pretrained models into the wheel, their weights rounded so that it stays small.

A weight keeps 15 of the 23 bits of its fraction: an error of 1 in 65,000 at most, which no stored
figure and no pixel shows. They remain float32, so that whatever reads a checkpoint reads these;
the zeros at their ends are what the wheel's compression takes away.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CheckpointsHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        if version == "editable":  # the checkout has them all
            return
        included: dict[str, str] = build_data["force_include"]
        if self.target_name == "wheel":
            # The app goes into the package zscape: Streamlit puts the folder of app.py on the path,
            # so `import ui` finds it there, and site-packages gets no name but two.
            for name in self.config["app"]:
                included[str(Path(self.root) / name)] = f"zscape/app/{name}"
        for name in self.config["checkpoints"]:
            folder = Path(self.root) / "checkpoints" / name
            if self.target_name == "sdist":  # as they are: a wheel is made of it in turn
                included[str(folder)] = f"checkpoints/{name}"
                continue
            for file in sorted(folder.iterdir()):
                source = file
                if file.name == "model.safetensors":
                    source = Path(self.scratch.name) / f"{name}.safetensors"
                    source.write_bytes(rounded(file.read_bytes()))
                included[str(source)] = f"zscape/app/checkpoints/{name}/{file.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self.scratch.cleanup()


def rounded(file: bytes) -> bytes:
    """A safetensors file with its float32 numbers rounded to the nearest whose lowest byte is 0."""
    start = 8 + int.from_bytes(file[:8], "little")
    tensors = json.loads(file[8:start])
    result = bytearray(file)
    for name, tensor in tensors.items():
        if name == "__metadata__" or tensor["dtype"] != "F32":
            continue
        begin, end = (start + offset for offset in tensor["data_offsets"])
        # All of a tensor at once, as one long number: finite ones carry into no neighbour.
        count = (end - begin) // 4
        half = int.from_bytes(b"\x80\x00\x00\x00" * count, "little")
        number = int.from_bytes(result[begin:end], "little") + half
        result[begin:end] = number.to_bytes(end - begin, "little")
        result[begin:end:4] = bytes(count)  # the lowest byte of each
    return bytes(result)
