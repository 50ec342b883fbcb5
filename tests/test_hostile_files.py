"""Folders and archives that anybody may bring: each is taken, or refused by a sentence."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from live.models import OpenModel
from ui.frame.card import figures_of
from ui.images.anomalies import kinds_of_anomalies
from ui.training.end import figures
from ui.training.runs import flaw
from vae_core.checkpoints.archives import unpack_checkpoint
from vae_core.checkpoints.card import model_card
from vae_core.checkpoints.reading import list_checkpoints, load_checkpoint, load_latents
from vae_core.data.own.images import read_images
from vae_core.errors import CheckpointError, DataError, TrainingError, ZscapeError
from vae_core.runs.run import Run, create_run
from vae_core.training.config import TrainConfig

SHIPPED = Path(__file__).parents[1] / "checkpoints" / "digits-2d"
MOST = int(os.environ.get("ZSCAPE_EXAMPLES", "30"))
SEEDED = settings(
    max_examples=MOST, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=4,
)


@cache
def shipped(name: str) -> bytes:
    return (SHIPPED / name).read_bytes()


def changed(name: str) -> st.SearchStrategy[bytes]:
    """A JSON file of the shipped model with a field gone or odd; or its bytes torn or turned."""
    fields: dict[str, Any] = json.loads(shipped(name))

    def put(field: str, value: Any, gone: bool) -> bytes:
        kept = {k: v for k, v in fields.items() if not (gone and k == field)}
        return json.dumps(kept if gone else kept | {field: value}).encode()

    nested = ("training", "codes", "aggregate")
    inner = [(k, each) for k in nested if isinstance(fields.get(k), dict) for each in fields[k]]
    odd = st.builds(put, st.sampled_from(sorted(fields)), ODD, st.booleans())
    if inner:
        odd |= st.builds(
            lambda where, value: put(where[0], fields[where[0]] | {where[1]: value}, False),
            st.sampled_from(inner),
            ODD,
        )
    return odd | damaged(shipped(name))


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` cut off, or with some bytes in the place of others; most often near an end."""
    places = st.integers(0, len(data) - 1) | st.integers(0, min(200, len(data) - 1))
    places |= places.map(lambda place: len(data) - 1 - place)
    return st.builds(
        lambda place, put: data[:place] + put + data[place + len(put) :],
        places,
        st.binary(min_size=1, max_size=4),
    ) | places.map(lambda place: data[:place])


def sound_or_refused(folder: Path) -> None:
    """As the app reads a checkpoint, and says what it is: all of it, or a sentence."""
    (listed,) = list_checkpoints(folder.parent)
    try:
        model, latents = load_checkpoint(folder), load_latents(folder)
    except CheckpointError as error:
        assert str(error)
        return
    if listed.error is None:
        opened = OpenModel("it", folder, model, listed.config, listed.metrics, latents)
        assert figures_of(opened) and kinds_of_anomalies(opened)
        figures(listed.metrics or {}).encode()
        model_card("it", listed.config, listed.metrics).encode()


@SEEDED
@given(st.data())
def test_a_checkpoint_s_folder_is_taken_or_refused_by_a_sentence(
    tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "models" / "it"
    if not folder.exists():
        shutil.copytree(SHIPPED, folder)
    name = data.draw(st.sampled_from(["config.json", "metrics.json", "model.safetensors"]))
    text = changed(name) if name.endswith("json") else damaged(shipped(name))
    (folder / name).write_bytes(data.draw(text))
    try:
        sound_or_refused(folder)
    finally:
        (folder / name).write_bytes(shipped(name))


def renamed(name: bytes) -> bytes:
    """A zip of a single file with this name, which zipfile itself would not write."""
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
    )
    entry += name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


@cache
def archive(of: str) -> bytes:
    """A sound zip of the shipped model, or of two images."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        if of == "model":
            for name in ("config.json", "model.safetensors", "metrics.json"):
                bundle.writestr(f"it/{name}", shipped(name))
        else:
            for k in range(2):
                pixels = np.full((4, 4), 100 * k, np.uint8)
                bundle.writestr(f"{k}.pgm", b"P5 4 4 255\n" + pixels.tobytes())
    return buffer.getvalue()


ARCHIVES = (
    damaged(archive("model"))
    | damaged(archive("images"))
    | st.binary(max_size=12).map(renamed)
    | st.sampled_from([b"", b"\0", b"config.json\0", b"/", b"..", b"a/", b"C:x"]).map(renamed)
)


@SEEDED
@given(ARCHIVES)
@example(renamed(b""))
@example(renamed(b"\0"))
def test_an_archive_is_taken_or_refused_by_a_sentence(tmp_path: Path, archive: bytes) -> None:
    readers: tuple[tuple[type[ZscapeError], Callable[[], object]], ...] = (
        (CheckpointError, lambda: unpack_checkpoint(io.BytesIO(archive), tmp_path / "it")),
        (DataError, lambda: read_images(io.BytesIO(archive))),
    )
    for error, read in readers:
        try:
            read()
        except error as refused:
            assert str(refused)
            assert str(tmp_path) not in str(refused)
    assert {path.name for path in tmp_path.iterdir()} <= {"it"}


@SEEDED
@given(st.data())
def test_a_run_s_folder_is_shown_or_told_to_be_broken(tmp_path: Path, data: st.DataObject) -> None:
    run = Run(tmp_path / "run")
    if not run.path.exists():
        create_run(TrainConfig(), run.path)
        report = {"kl": 1.0, "loss": 2.0, "reconstruction": -1.0, "kl_per_dim": [1.0]}
        event = {"time": 1.0, "epoch": 1, "step": 2, "total_steps": 4, "images_per_second": 3.0}
        event |= {"seconds_left": 1.0, "epoch_ended": True, "train": report, "test": report}
        run.events_file.write_text(json.dumps(event) + "\n")
    file = data.draw(st.sampled_from(["config.json", "status.json", "events.jsonl", "owner"]))
    sound = (run.path / file).read_bytes() if (run.path / file).exists() else b"ann"
    (run.path / file).write_bytes(data.draw(damaged(sound) | ODD.map(json.dumps).map(str.encode)))
    try:
        assert run.status().state
        assert isinstance(run.owner, str) and isinstance(run.events(), list)
        if not flaw(run):
            run.config()
    except TrainingError as error:
        pytest.fail(str(error))
    finally:
        (run.path / file).write_bytes(sound)
