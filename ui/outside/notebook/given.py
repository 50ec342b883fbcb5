"""What a notebook gives for a model and for data, as a model that is open and its images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from live.models import OpenModel, read_model
from vae_core.errors import DataError

if TYPE_CHECKING:
    import torch

    from vae_core.latent.latents import Latents
    from vae_core.models.latent_model import LatentModel

_SHIPPED = Path(__file__).parents[3] / "checkpoints"
_WHAT_DATA = (
    "give an ImageDataset, stored latents (load_latents), a pair (images, labels) of arrays or "
    "tensors, or None"
)


def opened(model: object, data: object) -> tuple[OpenModel, Any]:
    """The model as it is now, with the codes of `data`; and its images (n, c, h, w) uint8 or None.

    model: of vae_core, or whatever `vae_core.adapters.adapted` takes; a checkpoint's folder, or the
    name of one in $ZSCAPE_CHECKPOINTS or of those that come with Zscape; its stored latents stand
    where data is None. ConfigError, DataError or CheckpointError where it is not that, or the two
    do not fit.
    """
    if isinstance(model, (str, os.PathLike)):
        found, images = _checkpoint(Path(model)), None
        if data is None:
            return found, _stored(found)
        network: Any = found.model
    else:
        found, network, images = None, _model(model, data), None
    config: dict[str, Any] = {} if found is None else found.config
    latents = None
    if data is not None:
        latents, images, names = _encoded(network, data)
        config = {**config, **names}
    path = Path() if found is None else found.path
    ready = network.cpu().float()
    return OpenModel(path.name or "model", path, ready, config, None, latents), images


def _checkpoint(path: Path) -> OpenModel:
    listed = Path(os.environ.get("ZSCAPE_CHECKPOINTS") or _SHIPPED) / path
    if not path.exists() and path.name == str(path) and listed.is_dir():
        path = listed
    return read_model(path.absolute().name, path)


def _stored(found: OpenModel) -> torch.Tensor | None:
    """The images behind the stored latents, where the data set is at hand."""
    from live.images import test_dataset

    dataset = None if found.latents is None else test_dataset(found)
    if dataset is None or found.latents is None:
        return None
    return dataset.images[found.latents.indices]


def _model(model: object, data: object) -> LatentModel:
    """A copy, in eval mode: what is trained on does not change what is shown."""
    from vae_core.adapters.adapted import adapted

    images = data[0] if isinstance(data, tuple | list) and data else getattr(data, "images", None)
    return adapted(model, images=images)


def _encoded(
    model: LatentModel, data: object
) -> tuple[Latents, torch.Tensor | None, dict[str, Any]]:
    """Codes, images where there are any, and the names of classes and factors."""
    from vae_core.data.given.arrays import given_dataset
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.latent.latents import Latents, encode_dataset

    if isinstance(data, Latents):
        return _fitting(model, data), None, {}
    if isinstance(data, tuple | list) and len(data) == 2:
        data = given_dataset(*data)
    if not isinstance(data, ImageDataset):
        raise DataError(f"data is of type {type(data).__name__}; {_WHAT_DATA}.")
    if not model.has_encoder:
        raise DataError("This model has no encoder, so no image has a code; leave data out.")
    latents = encode_dataset(model, data)
    told = ("class_names", "factor_names", "factor_values")
    names = {name: list(getattr(data, name)) for name in told}
    return _fitting(model, latents), data.images, names


def _fitting(model: LatentModel, latents: Latents) -> Latents:
    from vae_core.data.given.arrays import MOST_CLASSES

    n, d = latents.mu.shape
    if d != model.latent_dim:
        raise DataError(f"latent_dim={model.latent_dim}, but the latents have {d} columns.")
    if not n:
        raise DataError("The latents hold no code; encode some images.")
    if not bool(latents.mu.isfinite().all()):
        raise DataError("A code of the data is NaN or infinite; is the model trained?")
    if latents.labels is not None:
        low, high = int(latents.labels.min()), int(latents.labels.max())
        if low < 0 or high >= MOST_CLASSES:
            raise DataError(f"Labels run from {low} to {high}; 0 to {MOST_CLASSES - 1} are shown.")
    return latents
