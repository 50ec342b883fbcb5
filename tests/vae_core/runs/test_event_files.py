"""TensorBoard's event files, read back by their published format alone.

A file is a row of records (TensorFlow's TFRecord): length (uint64), masked CRC-32C of the length,
data, masked CRC-32C of the data, all little endian. Data are protocol buffers of event.proto and
summary.proto: Event{wall_time=1, step=2, file_version=3, summary=5, session_log=7},
Summary{value=1}, Value{tag=1, simple_value=2}, SessionLog{status=1}.
"""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

CONFIG = TrainConfig(dataset="digits", hidden=(8,), epochs=3, batch_size=300, beta=2.0)
RESTARTED = 1  # SessionLog.START


def crc32c(data: bytes) -> int:
    """Castagnoli's polynomial, reflected, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(file: Path) -> Iterator[bytes]:
    data = file.read_bytes()
    while data:
        head, (length,) = data[:8], struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("<I", data[8:12])[0] == masked(crc32c(head))
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == masked(crc32c(body))
        yield body
        data = data[16 + length :]


def fields(message: bytes) -> dict[int, list[Any]]:
    """A protocol buffer's values by field number; sub-messages and texts as bytes."""
    values: dict[int, list[Any]] = defaultdict(list)
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while position < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            values[number].append(varint())
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        chunk = message[position : position + size]
        position += size
        values[number].append(
            struct.unpack({1: "<d", 5: "<f"}[kind], chunk)[0] if kind in (1, 5) else chunk
        )
    return values


def scalars(folder: Path) -> dict[int, dict[str, float]]:
    """tag -> value by step, as TensorBoard shows them: a restart takes back its step and later."""
    shown: dict[int, dict[str, float]] = defaultdict(dict)
    for file in sorted(folder.iterdir()):
        assert "tfevents" in file.name, "the name by which TensorBoard finds it"
        first, *events = [fields(record) for record in records(file)]
        assert first[3] == [b"brain.Event:2"]
        for event in events:
            (step,) = event[2]
            if 7 in event:
                assert fields(event[7][0])[1] == [RESTARTED]
                shown = defaultdict(dict, {s: v for s, v in shown.items() if s < step})
            for summary in event[5]:
                for value in map(fields, fields(summary)[1]):
                    shown[step][value[1][0].decode()] = value[2][0]
    return dict(shown)


def expected(means: dict[str, Any]) -> dict[str, float]:
    return {
        "nats/cross_entropy": -means["reconstruction"],
        "nats/kl": means["kl"],
        "nats/cross_entropy_plus_kl": means["kl"] - means["reconstruction"],
        "nats/loss": 2 * means["kl"] - means["reconstruction"],
        "kl_by_dimension/1": means["kl_per_dim"][0],
        "kl_by_dimension/2": means["kl_per_dim"][1],
    }


def assert_as_reported(run: Run) -> None:
    train, test = (scalars(run.tensorboard / split) for split in ("train", "test"))
    ends = [event for event in run.events() if event["epoch_ended"]]
    assert [*train] == [*test] == [event["epoch"] for event in ends] == [1, 2, 3]
    for event in ends:
        speed = {"images_per_second": event["images_per_second"]}
        assert train[event["epoch"]] == pytest.approx(expected(event["train"]) | speed)
        assert test[event["epoch"]] == pytest.approx(expected(event["test"]))


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, appendix B.4, gives others alike
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_event_files_hold_the_figures_of_the_reports(tmp_path: Path) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    work(run)
    assert_as_reported(run)


def test_a_resumed_run_takes_back_what_will_be_trained_again(tmp_path: Path) -> None:
    run = create_run(CONFIG, tmp_path / "run")
    state = tmp_path / "state"

    def look(progress: Any) -> None:
        if progress.epoch == 2:
            state.write_bytes(run.state_file.read_bytes())

    work(run, look, should_stop=lambda: state.exists() and len(run.events()) == 3)
    run.state_file.write_bytes(state.read_bytes())  # a crash after the third epoch's figures
    run.write_status(replace(run.status(), state="running"))
    work(run)
    assert len(list((run.tensorboard / "train").iterdir())) == 2
    assert_as_reported(run)


def test_the_command_names_the_folder_in_a_shell_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = create_run(CONFIG, "my runs/it's")
    program, option, folder = shlex.split(run.tensorboard_command)
    assert (program, option) == ("tensorboard", "--logdir")
    assert Path(folder) == tmp_path / "my runs" / "it's" / "tensorboard"


def test_who_looks_at_runs_loads_neither_torch_nor_tensorboard() -> None:
    code = "import sys, vae_core.runs.jobs, vae_core.runs.slots; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True,
        check=True, env=os.environ,
    ).stdout.split()  # fmt: skip
    assert not {"torch", "tensorboardX", "numpy", "sklearn"} & set(loaded)
