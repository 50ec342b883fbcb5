"""Images of the user's own that stand in the arrays of a .npz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vae_core.data.names import check_names
from vae_core.data.own.array_columns import MAX_LABEL_BYTES, further_columns, part_of
from vae_core.data.own.form import ImageForm
from vae_core.data.own.source import (
    CHANNELS,
    LABEL_NAMES,
    ImageSource,
    labelled,
    lacking_notes,
    listed,
    part_notes,
    parted,
    printable,
)
from vae_core.data.own.values import (
    AS_BYTES,
    Part,
    Reading,
    Scale,
    Values,
    common_reading,
    dark_notes,
    joined,
    scale_notes,
    to_bytes,
    values_of,
)
from vae_core.data.own.written import WRITTEN, is_written, written_columns, written_origins
from vae_core.errors import DataError
from vae_core.files.arrays import ArrayArchive, ArrayEntry

WITH_CHANNELS = ("nhwc", "nchw", "hwcn")
MOST_OBLONG = 8  # an image so much longer than high and than there are images is none
FEWEST = 4  # images: a shorter axis counts none
MAX_NAMES_BYTES = 1 << 20
MAX_IMAGES = 1_000_000


def array_source(archive: ArrayArchive, name: str, max_bytes: int, form: ImageForm) -> ImageSource:
    """The images of a .npz, by the shapes and names of its arrays of max_bytes at most each.

    What `write_images` wrote is taken as it stands: nothing of it is guessed. UnclearAxes where it
    cannot be guessed which axis counts the images, and the form does not say it.
    """
    keys = _image_keys(archive, name)
    written = is_written(archive, keys)
    axes, axis_notes = (("nchw",), []) if written else _axes_of(archive, name, keys, form.axes)
    arrays = {
        part: _checked(archive.read(key, max_bytes), name, key, axes[0], form.axes)
        for part, key in keys.items()
    }
    if len({each.shape[1:] for each in arrays.values()}) > 1:
        raise DataError(f"{name}: the images of train and test are not of one shape.")
    splits = parted([part for part, each in arrays.items() for _ in each])
    classes = [_classes(archive, name, part, len(each)) for part, each in arrays.items()]
    known = [each for each in classes if each is not None]
    if len(known) not in (0, len(classes)):
        raise DataError(f"{name} has labels for some of {', '.join(keys)} alone.")
    labels, class_names, notes = _labels(archive, name, np.concatenate(known) if known else None)
    used = {*keys.values(), "class_names", *(_label_key(archive, part) for part in keys)}
    origins = [f"{keys[part]}[{row}]" for part, each in arrays.items() for row in range(len(each))]
    if written:
        origins = written_origins(archive, name) or origins
        used |= WRITTEN
    told, held = list[str](), set[str]()
    if written:
        columns = written_columns(archive, name)
    else:
        columns, told, held = further_columns(archive, name, arrays, used)
    unused = [key for key in archive.entries if key not in {*used, *held}]
    notes += told
    notes += part_notes(list(arrays))
    if archive.refused:
        notes.append(f"Python objects, which are never unpickled: {listed(archive.refused)}.")
    notes += axis_notes
    if not written:
        notes += lacking_notes(splits, labels, class_names)
    if unused:
        notes.append(f"Arrays that are not read: {listed(unused)}.")
    found = {keys[part]: Part(values_of(array), len(array)) for part, array in arrays.items()}
    values = joined(part.values for part in found.values())
    reading = None
    if not written:
        types = {array.dtype for array in arrays.values()}
        given, one_type = form.scale is not None, len(types) == 1 and types.pop().kind in "bui"
        reading = common_reading(name, found, form.scale, one_type=one_type, in_bytes=False)
        notes += dark_notes(found, given=given) + scale_notes(values, reading, given=given)
    return replace(
        picture_source(name, list(arrays.values()), values, reading),
        origins=origins,
        splits=splits,
        labels=labels,
        class_names=class_names,
        columns=columns,
        axes=axes if len(axes) > 1 else (),
        notes=tuple(notes),
    )


def _image_keys(archive: ArrayArchive, name: str) -> dict[str, str]:
    """The arrays that hold images, by the part that they are; by "" where there is one of all."""
    found: dict[str, list[str]] = {}
    for key, entry in archive.entries.items():
        if len(entry.shape) in (3, 4):
            found.setdefault(part_of(key)[0], []).append(key)
    pickled = [key for key in archive.refused if part_of(key)[1] in LABEL_NAMES or not found]
    if pickled:
        raise DataError(
            f"{name}: {pickled[0][:80]} holds Python objects, which are never unpickled; "
            "save it as an array of numbers, or of text."
        )
    named = [part for part in found if part]
    for parts in (named if parted(named) else ["train", "test"], [""]):
        if all(len(found.get(part, ())) == 1 for part in parts):
            return {part: found[part][0] for part in parts}
    every = ", ".join(key for keys in found.values() for key in keys)
    rows = [key for key, entry in archive.entries.items() if len(entry.shape) == 2]
    if rows and not every:
        key, shape = rows[0], archive.entries[rows[0]].shape
        raise DataError(
            f"{name}: {printable(key)} is {shape}, which does not say how high and wide its images "
            "are; reshape it to (n, h, w), and save it by np.savez."
        )
    raise DataError(
        f"{name} is expected to hold one array of images, (n, h, w) or with 1 or 3 channels, or "
        f"two with train and test in their names; it holds {every[:200] or 'none'}."
    )


def _checked(
    array: NDArray[np.generic], name: str, key: str, likely: str, asked: str | None
) -> NDArray[np.generic]:
    """An array of images as (n, h, w, c), if it has the axes that are asked for, or likely."""
    axes = asked or likely
    if array.dtype.kind in "buif" and array.size and array.ndim == len(axes):
        array = array.transpose([axes.index(axis) for axis in "nhwc" if axis in axes])
        array = array[..., None] if array.ndim == 3 else array
        if array.shape[-1] in CHANNELS:
            return array
    expected = f"({', '.join(asked)})" if asked else "(n, h, w), (n, h, w, c) or (n, c, h, w)"
    raise DataError(
        f"{name}: {key} is {array.dtype} {array.shape}; numbers {expected} with 1 or 3 "
        "channels are expected."
    )


def _axes_of(
    archive: ArrayArchive, name: str, keys: Mapping[str, str], asked: str | None
) -> tuple[tuple[str, ...], list[str]]:
    """What the axes of all arrays of images may be, the likeliest first, and what is to be said."""
    found: tuple[str, ...] = ()
    notes = []
    for part, key in keys.items():
        try:
            axes, said = _axes(name, key, archive.entries[key].shape, _told(archive, part))
        except UnclearAxes as unclear:
            if asked is None:
                raise
            axes, said = unclear.axes, ""
        found = found or axes
        if said and asked is None:
            notes.append(said)
    return found, notes


def _told(archive: ArrayArchive, part: str) -> int | None:
    """How many images of a part have labels; None without any."""
    key = _label_key(archive, part)
    shape = () if key is None else archive.entries[key].shape
    return shape[0] if shape else None


class UnclearAxes(DataError):
    """An array of which nobody has said what its axes are.

    axes: those that may be meant; doubt: what they would make of it.
    """

    def __init__(self, axes: tuple[str, ...], doubt: str) -> None:
        super().__init__(f"{doubt}; choose its axes, as axes='{axes[0]}' or --axes {axes[0]} does.")
        self.axes, self.doubt = axes, doubt


def _axes(
    name: str, key: str, shape: tuple[int, ...], labels: int | None
) -> tuple[tuple[str, ...], str]:
    """What the axes of an array of images may be, the likeliest first, and what is to be said.

    labels: how many there are, if there are. UnclearAxes where none is likelier than another.
    """
    if len(shape) == 4:
        return _axes_with_channels(key, shape, labels)
    a, b, c = shape
    if labels == c not in (a, b):
        said = f"{key} is {shape}: the last axis counts the images, as there are {c:,} labels."
        return ("hwn",), said
    if (a == b != c >= FEWEST or (b > 1 and c > MOST_OBLONG * max(a, b))) and labels is None:
        raise UnclearAxes(
            ("hwn", "nhw"),
            f"{name}: {key} is {shape}, which may be {a:,} images of {b}x{c} or {c:,} of {a}x{b}",
        )
    if c in CHANNELS and b not in CHANNELS:
        colour = "in colour" if c == 3 else "with a channel"
        said = f"{key} is {shape}: {a:,} images of {b}x{c} pixels, not one of {a}x{b} {colour}."
        return ("nhw",), said
    told = labels == a != c
    square = b == c != a  # images (n, h, h)
    if told or square or c < FEWEST or max(a, b) > MOST_OBLONG * min(a, b):
        return ("nhw",), ""
    said = f"{key} is {shape}: the first axis is taken to count the images, not the last."
    return ("nhw", "hwn"), said


def _axes_with_channels(
    key: str, shape: tuple[int, ...], labels: int | None
) -> tuple[tuple[str, ...], str]:
    """As `_axes`, of four."""
    fit = [axes for axes in WITH_CHANNELS if shape[axes.index("c")] in CHANNELS]
    told = [axes for axes in fit if shape[axes.index("n")] == labels]
    enough = [axes for axes in fit if shape[axes.index("n")] >= FEWEST]
    axes = tuple(told or enough or fit or WITH_CHANNELS[:1])
    if axes[0] == "hwcn":
        return axes, f"{key} is {shape}: the last axis is taken to count the images."
    if len(axes) > 1:
        taken = "last" if axes[0] == "nhwc" else "second"
        other = "second" if axes[1] == "nchw" else "third"
        return (
            axes,
            f"{key} is {shape}: the {taken} axis is taken for the channels, not the {other}.",
        )
    return axes, ""


def _classes(archive: ArrayArchive, name: str, part: str, n: int) -> NDArray[np.generic] | None:
    """The array of labels that goes with the n images of a part, if there is one."""
    key = _label_key(archive, part)
    if key is None:
        return None
    entry = archive.entries[key]
    if entry.shape not in ((n,), (n, 1)):
        raise DataError(f"{name}: {key} is {entry.shape}, but there are {n:,} images.")
    labels: NDArray[np.generic] | None = None
    if entry.dtype.kind in "iufUS":
        labels = _whole_or_names(archive.read(key, MAX_LABEL_BYTES).reshape(n))
    if labels is None:
        raise DataError(f"{name}: {key} is {entry.dtype}; give whole numbers or names.")
    return labels


def _whole_or_names(labels: NDArray[Any]) -> NDArray[np.generic] | None:
    """Labels as they are written: 1.0 is 1, and bytes are UTF-8; None where they are no such."""
    try:
        match labels.dtype.kind:
            case "S":
                return np.char.decode(labels, "utf-8")
            case "f":
                numbers = labels.astype(np.float64)
                whole = (numbers == np.trunc(numbers)) & (np.abs(numbers) < 2**53)
                return numbers.astype(np.int64) if whole.all() else None
    except UnicodeDecodeError:
        return None
    return labels


def _label_key(archive: ArrayArchive, part: str) -> str | None:
    """The first array whose name speaks of the labels of a part."""
    of_part = ((key, part_of(key)) for key in archive.entries)
    return next((k for k, (its, rest) in of_part if its == part and rest in LABEL_NAMES), None)


def _labels(
    archive: ArrayArchive, name: str, classes: NDArray[np.generic] | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...], list[str]]:
    """Labels, names from the array class_names where the labels count into that, and notes."""
    entry = archive.entries.get("class_names")
    first, why = _first_label(entry, classes)
    notes = [why] if why else []
    if classes is None:
        return None, (), notes
    if first is None:
        return *labelled(name, classes), notes
    names = archive.read("class_names", MAX_NAMES_BYTES).tolist()
    check_names(names, name, DataError)
    return classes.astype(np.int64) - first, tuple(printable(each) for each in names), notes


def _first_label(
    names: ArrayEntry | None, classes: NDArray[np.generic] | None
) -> tuple[int | None, str]:
    """The label of the first of the names, None where they are not used; what is to be said."""
    if names is None or not names.shape or not names.shape[0]:
        return None, ""
    unused = "The array class_names is not used: "
    if names.dtype.kind != "U" or len(names.shape) != 1:
        return None, unused + "it is no row of text."
    if classes is None:
        return None, unused + "there are no labels."
    if classes.dtype.kind == "U":
        return None, unused + "the labels are names themselves."
    n, held = names.shape[0], np.unique(classes).tolist()
    if held[0] >= 0 and held[-1] < n:
        return 0, ""
    if held == list(range(1, n + 1)):
        return 1, "The labels are taken to count class_names from 1."
    return None, f"{unused}it has {n:,} names, and the labels run from {held[0]} to {held[-1]}."


def picture_source(
    name: str, arrays: Sequence[NDArray[np.generic]], values: Values, reading: Reading | None
) -> ImageSource:
    """The images of arrays (n, h, w, c), one after the other; without a reading as they stand."""
    n = sum(map(len, arrays))
    if n > MAX_IMAGES:
        raise DataError(f"{name} has {n:,} images; {MAX_IMAGES:,} are read at most.")
    scale = (reading or AS_BYTES).scale
    pictures = np.concatenate([_pictures(array, scale) for array in arrays])
    h, w, c = pictures.shape[1:]

    def image(index: int, at_least: int) -> Image.Image:
        return Image.fromarray(pictures[index, ..., 0] if c == 1 else pictures[index])

    colour = c == 3 and (reading is None or bool((pictures != pictures[..., :1]).any()))
    return ImageSource(
        name=name,
        sizes=[(h, w)] * n,
        in_colour=colour,
        image=image,
        values=values,
        reading=reading or AS_BYTES,
        stored_in_colour=c == 3,
    )


def _pictures(array: NDArray[np.generic], scale: Scale) -> NDArray[np.uint8]:
    """uint8 (n, h, w, c), one image after the other: floats would take eight times as much."""
    if array.dtype == np.uint8 and scale == (0, 255):
        return array.astype(np.uint8, copy=False)
    return np.stack([to_bytes(image, scale) for image in array])
