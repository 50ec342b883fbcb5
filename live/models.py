"""The models that the server holds open, shared by all visitors and never changed in place.

Most come from a checkpoint's folder. Those that a program explores live in its process alone: they
are registered by `hold`, and their ids are none that a folder can have.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from live.places import among_strangers, brought_along, checkpoints_root, runs_root
from vae_core.checkpoints.layout import weights_file
from vae_core.errors import CheckpointError, TrainingError
from vae_core.files.atomic import NO_FILE, Version, version_of
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.latent.latents import Latents
    from vae_core.models.latent_model import LatentModel

# Of weights and latents in memory. Eight of the largest uploads or runs, 64 MB each, every shipped
# model beside them many times over; half as much for the snapshots of runs.
MAX_OPEN_BYTES = 512 << 20
MAX_SNAPSHOT_BYTES = 256 << 20
MAX_READS = 5  # of a model that is replaced again and again
LOOK_SECONDS = 0.02  # between two looks at the disk, while a pointer asks for image after image

_Key = tuple[str, Version]  # the weights' file, and which it is of those that were called so

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RUN = re.compile(r"run:([A-Za-z0-9_.~%-]{1,768})(?:@([0-9]{1,5}))?")
_HERE = re.compile(r"here:[A-Za-z0-9_.~%-]{1,768}")
_SECRET = re.compile(r".+-([0-9a-f]{24})", re.DOTALL)
MAX_TOKEN_BYTES = 255  # of a folder's name


@dataclass(frozen=True)
class Described:
    """What a connection knows of its model: a socket at rest holds no weights in memory."""

    id: str
    latent_dim: int
    image_shape: tuple[int, int, int]
    has_encoder: bool
    images: int  # stored latents


_numbers = count()


@dataclass(frozen=True)
class OpenModel:
    """A checkpoint in memory: the model in eval mode, and what lies beside its weights.

    own_images: whether the images that a visitor brought for it may be shown, see `live.images`.
    dataset: the images behind the latents, of a model that lives in this process; see `hold`.
    number: which of all it is that this process has opened: once an object is gone, Python gives
    its `id` to another.
    """

    id: str
    path: Path
    model: LatentModel
    config: dict[str, Any]
    metrics: dict[str, Any] | None
    latents: Latents | None
    own_images: bool = False
    dataset: ImageDataset | None = None
    number: int = field(default_factory=_numbers.__next__, compare=False)

    @cached_property
    def with_own_images(self) -> OpenModel:
        return replace(self, own_images=True)

    @cached_property
    def without_sources(self) -> OpenModel:
        if self.latents is None or self.latents.sources is None:
            return self
        return replace(self, latents=replace(self.latents, sources=None))

    @cached_property
    def described(self) -> Described:
        model, images = self.model, 0 if self.latents is None else len(self.latents)
        return Described(self.id, model.latent_dim, model.image_shape, model.has_encoder, images)

    @property
    def nbytes(self) -> int:
        """Bytes of weights and latents."""
        held = [*self.model.state_dict().values()]
        held += [] if self.latents is None else vars(self.latents).values()
        files: int = getattr(self.model, "nbytes", 0)  # of a network that no tensor holds
        return files + sum(int(each.nbytes) for each in held if each is not None)


@dataclass
class InView:
    """What the visitor of a model of this process looks at: z (d,), rows of the latents."""

    z: tuple[float, ...] = ()
    selected: tuple[int, ...] = ()


def here_id(name: str) -> str:
    """The model id of what this process explores under `name`."""
    return f"here:{quote(name, safe='')}"


def here_name(model_id: str) -> str:
    """The name in such an id; empty where it is no such."""
    return unquote(model_id.partition(":")[2]) if _HERE.fullmatch(model_id) else ""


def hold(opened: OpenModel) -> InView:
    """Let the pages show a model that lives in this process, in the place of one of its id."""
    in_view = InView()
    _held[opened.id] = opened, in_view
    return in_view


def let_go(opened: OpenModel) -> None:
    """Show it no longer; nothing where another has taken its place."""
    if opened.id in _held and _held[opened.id][0] is opened:
        del _held[opened.id]


def held_ids() -> list[str]:
    """Ids of the models that live in this process, the newest first."""
    return list(reversed(_held))


def in_view_of(model_id: str) -> InView | None:
    """Where what is looked at of such a model is told; None of any other."""
    held = _held.get(model_id)  # looked up once: the program may let go of it meanwhile
    return None if held is None else held[1]


def _held_model(model_id: str) -> OpenModel | None:
    """None where the id is a folder's; CheckpointError where no such model is held any more."""
    if not _HERE.fullmatch(model_id):
        return None
    try:
        return _held[model_id][0]
    except KeyError:
        name = here_name(model_id)[:40]
        raise CheckpointError(f"The program no longer shows the model {name!r}.") from None


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

    Several threads may ask at once: one loads, the others wait, and one model is loaded at a time.
    Those last used are kept, MAX_OPEN_BYTES of them. CheckpointError when there is no such model or
    its folder is broken.
    """
    if held := _held_model(model_id):
        return held
    shelf, key = _place(model_id)
    with _lock:
        found = shelf.models.get(key)
        ours = found is None
        loading = shelf.begin(key) if found is None else found
        shelf.models.move_to_end(key)
    if ours:
        try:
            with _one_load:
                loading.set_result(_read_whole(model_id, Path(key[0])))
        except BaseException as error:  # noqa: BLE001 — raised again in each thread that waits
            with _lock:
                shelf.models.pop(key, None)
            loading.set_exception(error)
        with _lock:
            shelf.make_room()
    return loading.result()


def model_at_hand(model_id: str) -> OpenModel | None:
    """What `open_model` gives where it is in memory already, else None: reads no weight.

    As it was on disk LOOK_SECONDS ago at most. CheckpointError when there is no such model.
    """
    if held := _held_model(model_id):
        return held
    shelf, key = _place_lately(model_id, int(time.monotonic() / LOOK_SECONDS))
    with _lock:
        found = shelf.models.get(key)
        if found is None or not found.done() or found.exception():
            return None
        shelf.models.move_to_end(key)
        return found.result()


async def model_now(model_id: str) -> OpenModel:
    """What `open_model` gives, for the event loop: at once where it is in memory.

    CheckpointError as there.
    """
    at_hand = model_at_hand(model_id)
    if at_hand is not None:
        return at_hand
    return await asyncio.get_running_loop().run_in_executor(_loader, open_model, model_id)


class _Shelf:
    """Models in memory by their weights' file and its version, the last used at the end."""

    def __init__(self, most: int) -> None:
        self.most = most  # bytes
        self.models: OrderedDict[_Key, Future[OpenModel]] = OrderedDict()

    def begin(self, key: _Key) -> Future[OpenModel]:
        """A place for a model that is to be loaded, in that of those which it replaces."""
        for replaced in [known for known in self.models if known[0] == key[0]]:
            del self.models[replaced]  # a model in training has new weights every second
        self.models[key] = Future()
        return self.models[key]

    def make_room(self) -> None:
        """Let go of those least used until the others are `most` bytes; the last one stays."""
        loaded = {k: m.result().nbytes for k, m in self.models.items() if m.done()}
        total = sum(loaded.values())
        for key in list(loaded)[:-1]:
            if total <= self.most:
                return
            total -= loaded[key]
            del self.models[key]


def _place(model_id: str) -> tuple[_Shelf, _Key]:
    """Where the model named `model_id` stands or would stand, as it is on disk now."""
    path, epoch = model_path(model_id), _epoch(model_id)
    weights = weights_file(path)
    if epoch is not None:
        weights = Run(path.parent).snapshot_file(epoch)
    version = version_of(weights)
    if version == NO_FILE:
        raise CheckpointError(f"There is no model {model_id!r} here any more.")
    return _models if epoch is None else _snapshots, (str(weights), version)


@lru_cache(maxsize=256)
def _place_lately(model_id: str, moment: int) -> tuple[_Shelf, _Key]:
    return _place(model_id)


def _read_whole(model_id: str, weights: Path) -> OpenModel:
    """The model from disk; read again where its folder was replaced meanwhile."""
    load, path = read_model if _epoch(model_id) is None else _load_snapshot, model_path(model_id)
    for _ in range(MAX_READS - 1):
        before = version_of(weights)
        try:
            opened = load(model_id, path)
        except CheckpointError:
            if version_of(weights) == before:
                raise
        else:
            if version_of(weights) == before:
                return opened
    return load(model_id, path)


_held: dict[str, tuple[OpenModel, InView]] = {}
_lock = threading.Lock()
_loader = ThreadPoolExecutor(1, "load")  # who loads a model waits here, and nobody behind them
_one_load = threading.Lock()  # what is loaded is in memory more than once for a moment
_models = _Shelf(MAX_OPEN_BYTES)
_snapshots = _Shelf(MAX_SNAPSHOT_BYTES)  # so that who plays a training back evicts no model


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


def read_model(model_id: str, path: Path) -> OpenModel:
    """The model in the folder `path`, under any id; CheckpointError where it is broken."""
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
