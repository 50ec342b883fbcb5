"""The flags of the command line by which a user's own images are given."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from vae_core.command.terminal import draw_bar
from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.data.own.images import ImageForm


def add_image_arguments(parser: argparse.ArgumentParser, *, shape: bool) -> None:
    """Add --images and what belongs to it; shape: also those that say what shape they get."""
    group = parser.add_argument_group(
        "your own images",
        "a folder or a zip of images, each class in a folder of its name; a .npz; or an idx file",
    )
    group.add_argument("--images", metavar="PATH", help="these in place of a named data set")
    group.add_argument("--labels", metavar="PATH", help="the labels of an idx file")
    if shape:
        group.add_argument(
            "--size", type=_size, metavar="HxW", help="pixels, such as 32x32 (default: as they are)"
        )
        group.add_argument("--colour", choices=("grey", "colour"), help="default: as they are")
    group.add_argument(
        "--fit", choices=("crop", "pad"), help="cut off what sticks out (default), or show it all"
    )


def image_flags(options: argparse.Namespace) -> dict[str, Any]:
    """Those of the flags that were given; ConfigError when --images is not among them."""
    names = ("images", "labels", "size", "colour", "fit")
    given = {k: v for k in names if (v := getattr(options, k, None)) is not None}
    if given and "images" not in given:
        raise ConfigError(f"--{next(iter(given))} says how --images are read; give these as well.")
    return given


def read_given_images(
    options: argparse.Namespace, form: ImageForm
) -> tuple[ImageDataset, ImageDataset]:
    """The training and the test images that the flags name; says on a terminal how far it is."""
    from vae_core.data.own.images import read_images

    return read_images(
        options.images,
        options.labels,
        form=form,
        on_progress=partial(draw_bar, text=" read"),
    )


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    try:
        return int(height), int(width or height)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a height and a width such as 32x32"
        ) from None
