"""A training played back: one frame a snapshot, with the plane and what the model drew then."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from live.blobs import publish
from live.models import OpenModel, open_model, run_id
from ui.components.image_grid import picture_png
from ui.components.latent_plane import PlanePoints
from ui.components.timeline.film import Film
from ui.palette import CLASS_COLOURS
from ui.training.learned import look_of, shown_dims
from ui.training.runs import config_of
from ui.view.planes import dims_plane, plane_points
from vae_core.errors import CheckpointError
from vae_core.files.atomic import NO_FILE, Version, version_of
from vae_core.latent.animation import film_bytes, training_picture
from vae_core.latent.latents import reach
from vae_core.runs.recording import SAMPLE, fixed_sample
from vae_core.runs.run import Run

PATIENCE = 0.4  # seconds of reading snapshots in one run of the script; the rest waits for the next
GIF_FRAME_MS = 160
GIF_LAST_MS = 2_000
HOME_HALF = 3.2  # of the plane in a GIF, where the points do not ask for more


@dataclass(frozen=True)
class Frame:
    """A snapshot made ready for the browser: points on a plane, and pictures as PNG by part."""

    points: PlanePoints | None
    pictures: dict[str, bytes]


@dataclass(frozen=True)
class Playback:
    """The frames of a run that are ready; `complete` says whether all of them are.

    parts: name -> the film of what the component of this name shows.
    """

    name: str
    epochs: list[int]
    parts: dict[str, Film]
    complete: bool


@st.cache_resource(show_spinner=False, max_entries=256)
def frame_of(
    token: str, epoch: int, version: Version, dims: tuple[int, ...], own_images: bool
) -> Frame | None:
    """The snapshot of the run `token` after `epoch`; None where it is torn or gone.

    version: which it is, as a resumed run may write it again. own_images: as of an `OpenModel`.
    """
    try:
        opened = open_model(run_id(token, epoch))
    except CheckpointError:
        return None
    look = look_of(opened.with_own_images if own_images else opened, dims)
    return Frame(
        plane_points(opened, dims_plane(opened, dims)),
        {part: picture_png(images) for part, images in look.pictures.items()},
    )


def playback(run: Run, opened: OpenModel) -> Playback:
    """The run's snapshots as films, over the dimensions that show `opened`; each is read once.

    Where there are many new ones, they come a few at a time.
    """
    dims = shown_dims(opened)
    kept: dict[str, Any] = st.session_state.setdefault("playback", {})
    if kept.get("of") != (run.token, dims, opened.own_images):
        kept.update(of=(run.token, dims, opened.own_images), frames={})
    frames: dict[tuple[int, Version], dict[str, Any]] = kept["frames"]
    until = time.monotonic() + PATIENCE
    snapshots = snapshots_of(run)
    for epoch, version in snapshots:
        if (epoch, version) not in frames and time.monotonic() < until:
            frame = frame_of(run.token, epoch, version, dims, opened.own_images)
            frames[epoch, version] = {} if frame is None else _published(run, epoch, frame)
    read = [(epoch, frames.get((epoch, version))) for epoch, version in snapshots]
    ready = [(epoch, parts) for epoch, parts in read if parts]
    names = ready[0][1] if ready else {}
    return Playback(
        run.token,
        [epoch for epoch, _ in ready],
        {name: Film(run.token, [parts[name] for _, parts in ready]) for name in names},
        all(snapshot in frames for snapshot in snapshots),
    )


def sample_of(opened: OpenModel) -> np.ndarray | None:
    """Those of a model's stored latents that the snapshots hold, too; None for all."""
    n = 0 if opened.latents is None else len(opened.latents)
    return fixed_sample(n).numpy() if n > SAMPLE else None


def snapshots_of(run: Run) -> list[tuple[int, Version]]:
    """The epochs of the run's snapshots, rising, and which each of them is."""
    found = [(epoch, version_of(run.snapshot_file(epoch))) for epoch in run.snapshot_epochs()]
    return [(epoch, version) for epoch, version in found if version != NO_FILE]


def _published(run: Run, epoch: int, frame: Frame) -> dict[str, Any]:
    return {
        "plane": {
            "model": run_id(run.token, epoch),
            "points": None if frame.points is None else frame.points.payload(),
        },
        "curves": {"marker": epoch},
        **{part: {"url": publish(png, "image/png")} for part, png in frame.pictures.items()},
    }


def gif(run: Run, on_progress: Callable[[float], object]) -> bytes:
    """The whole training as a GIF: plane and manifold, epoch by epoch; on_progress hears 0 to 1."""
    dims = shown_dims(open_model(run_id(run.token)))
    frames = []
    for epoch, version in snapshots_of(run):
        frame = frame_of(run.token, epoch, version, dims, own_images=False)
        if frame is not None and frame.points is not None:
            frames.append((epoch, frame.points, frame.pictures["manifold"]))
    if not frames:
        raise CheckpointError("There is no snapshot of this run yet; a GIF needs one.")
    far = max(reach(points.xy.reshape(-1, 1), 0.998) for _, points, _ in frames)
    pictures = []
    for k, (epoch, points, manifold) in enumerate(frames, start=1):
        pictures.append(
            training_picture(
                f"epoch {epoch} of {config_of(run).epochs}",
                points.xy,
                Image.open(io.BytesIO(manifold)),
                half=max(HOME_HALF, 1.05 * far),
                labels=points.category,
                colours=CLASS_COLOURS,
            )
        )
        on_progress(k / len(frames))
    return film_bytes(pictures, GIF_FRAME_MS, GIF_LAST_MS)
