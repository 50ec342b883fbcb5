"""The data set of a run or of a model: by its name, or, a user's own, from the run's folder.

Nothing outside is ever looked for again: a run's own images were written into its folder when it
was made, and a checkpoint that is copied elsewhere goes without.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from vae_core.checkpoints.reading import learned_binarisation, read_config
from vae_core.data.binarisation import as_seen
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import SPLITS, ImageDataset
from vae_core.data.names import dataset_label, is_own, own_label
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import read_images
from vae_core.errors import DataError
from vae_core.files.atomic import Version, version_of
from vae_core.runs.run import Run


def checkpoint_images(
    path: str | Path, split: str = "test", *, own: str | Path | None = None
) -> ImageDataset:
    """The images of a split that the checkpoint in the folder `path` learned, as it was shown them.

    own: where the user's own images lie, for a checkpoint that is no more in its run's folder: as
    `read_images` takes them, made into the model's form. Each pixel is drawn to 0 or 1 where the
    model learned such, always alike. CheckpointError where the folder is none, DataError where the
    images are not to be had.
    """
    config = read_config(path)
    if own is not None:
        pair = read_images(own, form=ImageForm.of(config["image_shape"]))
        found = pair[SPLITS.index(split)]
    elif name := config.get("dataset"):
        found = run_dataset(Path(path).resolve().parent, name, split)
    else:
        raise DataError("The checkpoint does not say its data set; give the images as own.")
    return as_seen(found, learned_binarisation(config))


def run_datasets(
    folder: str | Path, name: str, *, download: bool = False
) -> tuple[ImageDataset, ImageDataset]:
    """The training and the test images of the data set `name` of the run in `folder`.

    DataError where they are not to be had, or the folder holds other images than those of `name`.
    """
    if not is_own(name):
        train, test = (load_dataset(name, split, download=download) for split in SPLITS)
        return train, test
    file = Run(folder).images_file
    if not file.is_file():
        raise DataError(
            f"The {dataset_label(name)} are not beside the model; open it in the folder of the run "
            "that learned it, or give the images again."
        )
    train, test = read_images(file, label=own_label(name))
    if train.name != name:
        raise DataError(
            f"{file.name} in {file.parent.name} holds {train.name}, and not {name}; put the run's "
            "own file back."
        )
    return train, test


def run_dataset(
    folder: str | Path, name: str, split: str, *, download: bool = False
) -> ImageDataset:
    """One split of `run_datasets`; asked again, the same object comes back from memory."""
    if not is_own(name):
        return load_dataset(name, split, download=download)
    file = Run(folder).images_file
    return _own_split(file.parent.resolve(), name, split, version_of(file))


@lru_cache(maxsize=8)
def _own_split(folder: Path, name: str, split: str, version: Version) -> ImageDataset:
    return run_datasets(folder, name)[SPLITS.index(split)]
