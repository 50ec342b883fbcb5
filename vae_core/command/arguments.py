"""What the subcommands' arguments have in common: whole numbers, the checkpoint, the data set."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vae_core.checkpoints.layout import is_checkpoint
from vae_core.command.own_images import add_image_arguments, image_flags, read_given_images
from vae_core.errors import ConfigError, DataError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset

SPLITS = ("train", "test", "all")


def whole(least: int, most: int) -> Callable[[str], int]:
    """An argument's type: a whole number from least to most."""

    def convert(text: str) -> int:
        with suppress(ValueError):
            if least <= int(text) <= most:
                return int(text)
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a whole number from {least:,} to {most:,}"
        )

    return convert


def number(text: str) -> float:
    """An argument's type: a number, its decimals after a point."""
    with suppress(ValueError):
        return float(text)
    raise argparse.ArgumentTypeError(
        f"{text[:40]!r} is not a number; decimals stand after a point, as in 0.5"
    )


def whole_number(text: str) -> int:
    """An argument's type: a whole number of any size."""
    with suppress(ValueError):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number such as 1000")


def folder(text: str) -> str:
    """An argument's type: where a folder is to be."""
    if text == "-":
        raise argparse.ArgumentTypeError("standard output takes no folder; name one, or ./-")
    return text


def add_checkpoint_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        type=_checkpoint,
        help="a checkpoint folder, a run's folder for the checkpoint in it, or the name of one of "
        "those that `list` shows",
    )


def checkpoints_root() -> Path:
    """The folder whose checkpoints `list` shows, and which go by their names."""
    return Path(os.environ.get("ZSCAPE_CHECKPOINTS", "checkpoints"))


def _checkpoint(text: str) -> str:
    if not os.path.lexists(text) and Path(text).name == text != "":
        listed = checkpoints_root() / text
        text = str(listed) if listed.is_dir() else text
    run = Run(text)
    is_run = (run.path / "status.json").is_file() and not is_checkpoint(run.path)
    return str(run.checkpoint) if is_run else text


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name the images, see `given_dataset`."""
    parser.add_argument("--data", metavar="NAME", help="default: the one it was trained on")
    parser.add_argument(
        "--split",
        default="test",
        choices=SPLITS,
        help="of --images that are not parted, the test is a tenth (default: test)",
    )
    parser.add_argument("--download", action="store_true", help="fetch the data set if missing")
    add_image_arguments(parser, shape=False)


def given_dataset(options: argparse.Namespace, split: str) -> ImageDataset:
    """A split of the images that the flags name; of those that the model learned by default."""
    first, *others = given_parts(options, split)
    return first.joined(*others) if others else first


def given_parts(options: argparse.Namespace, split: str) -> list[ImageDataset]:
    """What `given_dataset` joins: the split alone, or of "all" the training and the test images."""
    from vae_core.checkpoints.reading import read_config
    from vae_core.data import datasets, image_dataset
    from vae_core.data.own.form import ImageForm
    from vae_core.runs.data import run_dataset

    config = read_config(options.checkpoint)
    if image_flags(options):
        if options.data:
            raise ConfigError("--data and --images name two data sets; leave one out.")
        form = ImageForm.of(config["image_shape"])
        both = read_given_images(options, size=form.size, colour=form.colour)
        return [part for part in both if split in ("all", part.split)]
    if options.data:
        datasets.check_dataset(options.data)
    name = options.data or config.get("dataset")
    if not name:
        raise DataError("The checkpoint does not say its data set; name one with --data.")
    run = Path(options.checkpoint).resolve().parent
    return [
        run_dataset(run, str(name), part, download=options.download)
        for part in (image_dataset.SPLITS if split == "all" else (split,))
    ]
