"""The models that the server holds open, shared by all visitors and never changed in place."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from live.places import among_strangers, brought_along, checkpoints_root, runs_root
from vae_core.errors import CheckpointError, TrainingError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.latent.latents import Latents
    from vae_core.models.latent_model import LatentModel

MAX_OPEN = 8  # models; beside them as many snapshots of runs
MAX_READS = 5  # of a model that is replaced again and again

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RUN = re.compile(r"run:([A-Za-z0-9_.~%-]{1,768})(?:@([0-9]{1,5}))?")
_SECRET = re.compile(r".+-([0-9a-f]{24})", re.DOTALL)
MAX_TOKEN_BYTES = 255  # of a folder's name


@dataclass(frozen=True)
class OpenModel:
    """A checkpoint in memory: the model in eval mode, and what lies beside its weights.

    own_images: whether the images that a visitor brought for it may be shown, see `live.images`.
    """

    id: str
    path: Path
    model: LatentModel
    config: dict[str, Any]
    metrics: dict[str, Any] | None
    latents: Latents | None
    own_images: bool = False

    @cached_property
    def with_own_images(self) -> OpenModel:
        return replace(self, own_images=True)


def model_path(model_id: str) -> Path:
    """The folder that a model id names, whether it exists or not.

    `mnist-2d` is what the app was started with, if it is called so, else a folder of
    ZSCAPE_CHECKPOINTS; `run:<token>` is the checkpoint of a folder of ZSCAPE_RUNS, and so is
    `run:<token>@<epoch>`, the run as it was after that epoch; see `run_id`. Among strangers a run
    is opened only by a name that nobody can guess.
    CheckpointError when the id is none of these.
    """
    if (token := run_token(model_id)) and (secret_of(token) or not among_strangers()):
        return runs_root() / token / "checkpoint"
    if _NAME.fullmatch(model_id):
        brought = brought_along()
        return brought if brought and brought.name == model_id else checkpoints_root() / model_id
    raise CheckpointError(
        f"{model_id[:40]!r} is not a model's name; call its folder by letters, digits, '.', '_' "
        "and '-', 64 at most, the first a letter or digit."
    )


def secret_of(token: str) -> str:
    """The secret at the end of a run's name that the app gave; empty where there is none."""
    made = _SECRET.fullmatch(token)
    return made[1] if made else ""


def run_id(token: str, epoch: int | None = None) -> str:
    """The model id of what the run, or the model of a visitor, in the folder `token` learned.

    epoch: as it was after that one. The name is quoted as in an address, whatever it is.
    """
    return f"run:{quote(token, safe='')}" + ("" if epoch is None else f"@{epoch}")


def run_token(model_id: str) -> str:
    """The folder's name in the id of a run's model; empty where it is no such, or no name."""
    run = _RUN.fullmatch(model_id)
    token = unquote(run[1], errors="replace") if run else ""
    plain = token.isprintable() and not token.startswith(".") and not set(token) & set("/\\")
    return token if plain and len(token.encode()) <= MAX_TOKEN_BYTES else ""


def open_model(model_id: str) -> OpenModel:
    """The model named `model_id`, from memory unless its weights on disk have changed.

    Several threads may ask at once: one loads, the others wait. The MAX_OPEN last used are kept.
    CheckpointError when there is no such model or its folder is broken.
    """
    path, epoch = model_path(model_id), _epoch(model_id)
    weights = path / "model.safetensors"
    if epoch is not None:
        weights = Run(path.parent).snapshot_file(epoch)
    try:
        changed = weights.stat().st_mtime_ns
    except OSError as error:
        raise CheckpointError(f"There is no model {model_id!r} here any more.") from error
    key = (str(weights), changed)
    shelf = _models if epoch is None else _snapshots
    with _lock:
        loading = shelf.get(key)
        ours = loading is None
        if loading is None:
            for replaced in [known for known in shelf if known[0] == key[0]]:
                del shelf[replaced]  # a model in training has new weights every second
            loading = shelf[key] = Future()
        shelf.move_to_end(key)
        while len(shelf) > MAX_OPEN:
            shelf.popitem(last=False)
    if ours:
        try:
            load = _load if epoch is None else _load_snapshot
            loading.set_result(_read_whole(load, model_id, path, weights))
        except BaseException as error:  # noqa: BLE001 — raised again in each thread that waits
            with _lock:
                shelf.pop(key, None)
            loading.set_exception(error)
    return loading.result()


def _read_whole(
    load: Callable[[str, Path], OpenModel], model_id: str, path: Path, weights: Path
) -> OpenModel:
    """What `load` gives; again where the folder was replaced while it was read."""
    for _ in range(MAX_READS - 1):
        before = _changed(weights)
        try:
            opened = load(model_id, path)
        except CheckpointError:
            if _changed(weights) == before:
                raise
        else:
            if _changed(weights) == before:
                return opened
    return load(model_id, path)


def _changed(weights: Path) -> int | None:
    try:
        return weights.stat().st_mtime_ns
    except OSError:
        return None


_Shelf = OrderedDict[tuple[str, int], "Future[OpenModel]"]
_lock = threading.Lock()
_models: _Shelf = OrderedDict()
_snapshots: _Shelf = OrderedDict()  # their own, so that who plays a training back evicts no model


def _epoch(model_id: str) -> int | None:
    run = _RUN.fullmatch(model_id)
    return int(run[2]) if run and run[2] else None


def _load_snapshot(model_id: str, path: Path) -> OpenModel:
    from vae_core.checkpoints.reading import read_config

    config, epoch = read_config(path), _epoch(model_id)
    assert epoch is not None
    channels, height, width = config["image_shape"]
    try:
        model, latents = Run(path.parent).load_snapshot(epoch, (channels, height, width))
    except TrainingError as error:
        raise CheckpointError(str(error)) from error
    return OpenModel(model_id, path, model, config, None, latents)


def _load(model_id: str, path: Path) -> OpenModel:
    # Torch takes seconds to import: pages are painted before it is there.
    from vae_core.checkpoints.figures import read_metrics
    from vae_core.checkpoints.reading import load_checkpoint, load_latents, read_config

    return OpenModel(
        id=model_id,
        path=path,
        model=load_checkpoint(path),
        config=read_config(path),
        metrics=read_metrics(path),
        latents=load_latents(path),
    )
