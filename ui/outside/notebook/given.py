"""What a notebook gives for a model and for data, as a model that is open and its images."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from live.models import OpenModel, read_model
from vae_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import torch

    from vae_core.data.image_dataset import ImageDataset
    from vae_core.latent.latents import Latents
    from vae_core.models.latent_model import LatentModel

_SHIPPED = Path(__file__).parents[3] / "checkpoints"
MOST_CLASSES = 256  # a point's is told by a byte
_WHAT_DATA = (
    "give an ImageDataset, stored latents (load_latents), a pair (images, labels) of arrays or "
    "tensors, or None"
)


def opened(model: object, data: object) -> tuple[OpenModel, Any]:
    """The model as it is now, with the codes of `data`; and its images (n, c, h, w) uint8 or None.

    model: of vae_core, a checkpoint's folder, or the name of one in $ZSCAPE_CHECKPOINTS or of those
    that come with Zscape; its stored latents stand where data is None. ConfigError, DataError or
    CheckpointError where it is not that, or the two do not fit.
    """
    if isinstance(model, (str, os.PathLike)):
        found, images = _checkpoint(Path(model)), None
        if data is None:
            return found, _stored(found)
        network: Any = found.model
    else:
        found, network, images = None, _model(model), None
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


def _model(model: object) -> LatentModel:
    """A copy, in eval mode: what is trained on does not change what is shown."""
    from vae_core.models.latent_model import LatentModel

    if not isinstance(model, LatentModel):
        raise ConfigError(
            f"model is of type {type(model).__name__}; give a model of vae_core, or the folder or "
            "name of a checkpoint."
        )
    return copy.deepcopy(model).eval().requires_grad_(False)


def _encoded(
    model: LatentModel, data: object
) -> tuple[Latents, torch.Tensor | None, dict[str, Any]]:
    """Codes, images where there are any, and the names of classes and factors."""
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.latent.latents import Latents, encode_dataset

    if isinstance(data, Latents):
        return _fitting(model, data), None, {}
    if isinstance(data, tuple | list) and len(data) == 2:
        data = _dataset(*data)
    if not isinstance(data, ImageDataset):
        raise DataError(f"data is of type {type(data).__name__}; {_WHAT_DATA}.")
    if not model.has_encoder:
        raise DataError("This model has no encoder, so no image has a code; leave data out.")
    latents = encode_dataset(model, data)
    told = ("class_names", "factor_names", "factor_values")
    names = {name: list(getattr(data, name)) for name in told}
    return _fitting(model, latents), data.images, names


def _fitting(model: LatentModel, latents: Latents) -> Latents:
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


def _dataset(images: object, labels: object) -> ImageDataset:
    """Of arrays or tensors: (n, c, h, w), or (n, h, w) of grey, as uint8 or in [0, 1]."""
    import torch

    from vae_core.data.image_dataset import ImageDataset

    pixels = _pixels(_array("images", images))
    n = len(pixels)
    if labels is None:
        return ImageDataset("data", "test", torch.from_numpy(pixels))
    column = _array("labels", labels)
    if column.shape != (n,):
        raise DataError(f"labels are {column.shape}, but there are {n} images; give ({n},).")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise DataError("A label is NaN or infinite; give whole numbers or names.")
    names, numbers = np.unique(column, return_inverse=True)
    if len(names) > MOST_CLASSES:
        raise DataError(f"There are {len(names)} classes; {MOST_CLASSES} at most are shown.")
    return ImageDataset(
        "data",
        "test",
        torch.from_numpy(pixels),
        torch.from_numpy(numbers.astype(np.int64)),
        class_names=tuple(f"{name}" for name in names.tolist()),
    )


def _pixels(images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or not images.size:
        raise DataError(f"images are {images.shape}; give (n, c, h, w), or (n, h, w) of grey ones.")
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind not in "fb":
        raise DataError(f"images are {images.dtype}; give uint8, or floats in [0, 1].")
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise DataError(
            "images hold NaN or values outside of [0, 1]; give floats in [0, 1], or uint8."
        )
    pixels: np.ndarray = np.rint(images.astype(np.float32) * 255).astype(np.uint8)
    return pixels


def _array(name: str, given: Any) -> np.ndarray:
    """A tensor or anything that NumPy takes for an array."""
    given = given.detach().cpu() if hasattr(given, "detach") else given
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} are no array: {error}. {_WHAT_DATA.capitalize()}.") from error
