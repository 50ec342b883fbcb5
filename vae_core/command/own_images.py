"""The flags of the command line by which a user's own images are given."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from vae_core.command.terminal import clear_line, draw_bar
from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.data.own.images import Survey

FORM = ("size", "colour", "fit", "scale", "frames", "names", "axes")


def add_image_arguments(parser: argparse.ArgumentParser, *, shape: bool) -> None:
    """Add --images and what belongs to it; shape: also those that say what shape they get."""
    group = parser.add_argument_group(
        "your own images",
        "a folder, a zip or a tar of images, each class in a folder of its name; a .npz, .npy, "
        "HDF5 or .mat; a .parquet or a folder of them; an idx file; or a file of many images",
    )
    group.add_argument("--images", metavar="PATH", help="these in place of a named data set")
    group.add_argument(
        "--labels", metavar="PATH", help="of an idx file its labels, of a folder or zip a table"
    )
    if shape:
        group.add_argument(
            "--size", type=_size, metavar="HxW", help="pixels, such as 32x32 (default: as they are)"
        )
        group.add_argument("--colour", choices=("grey", "colour"), help="default: as they are")
    group.add_argument(
        "--fit", choices=("crop", "pad"), help="cut off what sticks out (default), or show it all"
    )
    group.add_argument(
        "--scale",
        type=_scale,
        metavar="BLACK:WHITE",
        help="the values that are black and white, such as 0:4095 (default: as is certain)",
    )
    group.add_argument(
        "--frames", choices=("all", "first"), help="of a file of many images (default: all)"
    )
    group.add_argument(
        "--names",
        metavar="ENCODING",
        help="of names in a zip that does not say it, such as cp932 (default: guessed, and said)",
    )
    group.add_argument(
        "--axes",
        choices=("nhw", "hwn", "nhwc", "nchw", "hwcn"),
        help="of an array: images, height, width, channels (default: guessed, and said)",
    )


def image_flags(options: argparse.Namespace) -> dict[str, Any]:
    """Those of the flags that were given; ConfigError when --images is not among them."""
    names = ("images", "labels", *FORM)
    given = {k: v for k in names if (v := getattr(options, k, None)) is not None}
    if given and "images" not in given:
        raise ConfigError(f"--{next(iter(given))} says how --images are read; give these as well.")
    return given


def read_given_images(
    options: argparse.Namespace, **form: Any
) -> tuple[ImageDataset, ImageDataset]:
    """The training and the test images that the flags name, of the form that these or `form` say.

    What was found, and what was guessed of it, is said on stderr.
    """
    from vae_core.data.own.form import ImageForm
    from vae_core.data.own.images import read_images

    given = {name: value for name, value in image_flags(options).items() if name in FORM}
    return read_images(
        options.images,
        options.labels,
        form=ImageForm(**given | form),
        on_progress=partial(draw_bar, text=" read"),
        on_survey=_tell,
    )


def _tell(survey: Survey) -> None:
    clear_line()
    from vae_core.data.own.source import listed
    from vae_core.data.own.values import number

    sizes = " to ".join(dict.fromkeys(f"{h}x{w}" for h, w in (survey.smallest, survey.largest)))
    scale = survey.reading.scale
    read = (
        "" if survey.reading.doubt else f", black {number(scale[0])} and white {number(scale[1])}"
    )
    assert survey.form.size is not None
    height, width = survey.form.size
    names = list(survey.class_sizes)
    kind = "class" if len(names) == 1 else "classes"
    classes = f" of {len(names)} {kind} ({listed(names)})" if names else ""
    parted = "as they come" if survey.parted else "drawn at random by seed 0"
    print(
        f"zscape: {survey.n:,} images{classes}, {sizes}{' in colour' if survey.in_colour else ''}, "
        f"values {survey.values}, read as {height}x{width} in {survey.form.colour}{read}; "
        f"{survey.n_test:,} are the test, {parted}.",
        file=sys.stderr,
    )
    for note in survey.notes:
        print(f"zscape: {note}", file=sys.stderr)


def _scale(text: str) -> tuple[float, float]:
    black, _, white = text.partition(":")
    try:
        return float(black), float(white)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a value for black and one for white, such as 0:255"
        ) from None


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().replace("×", "x").partition("x")
    try:
        return int(height), int(width or height)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a height and a width such as 32x32"
        ) from None
