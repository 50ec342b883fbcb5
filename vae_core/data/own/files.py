"""Image files in a folder or a zip, or one alone that holds many images.

Which files are images their contents say, not their names. What lies in folders of its own is a
class: `cats/1.png`, `dogs/2.png`. Above the classes, or below, there may be `train`, `val` and
`test`. What is no image or cannot be read is left out, and named.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from vae_core.data.own import decoding
from vae_core.data.own.containers import MAX_FILES, Container
from vae_core.data.own.decoding import Head, Look
from vae_core.data.own.foreign.kinds import HEAD_BYTES, unread_image
from vae_core.data.own.form import ImageForm, check_memory
from vae_core.data.own.source import (
    ImageSource,
    labelled,
    lacking_notes,
    listed,
    names_part,
    part_notes,
    parted,
    printable,
)
from vae_core.data.own.tables import Beside, Table, beside, table_among
from vae_core.data.own.values import (
    Part,
    Reading,
    Scale,
    common_reading,
    dark_notes,
    joined,
    number,
    scale_notes,
)
from vae_core.errors import DataError
from vae_core.files.zips import left_by_file_manager

MAX_BROKEN = 0.25  # of the images: where more cannot be read, something else is wrong
HEADS_SHARE = 0.3  # of the looking: what files say of their images, before any is decoded
STEPS_TOLD = 50  # images from one word on how far it is to the next
# Pixels of all images together: so many for each byte that is read at most, however well they are
# packed, or for each that they are packed in. More take minutes for nothing that an image shows.
LARGE, MAX_PIXELS_A_BYTE = 8, 100
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".heic", ".heif", ".avif", ".tga", ".jp2", ".ico", ".svg"),
)

OnLook = Callable[[float], object]


class _Picture(NamedTuple):
    """One image: the file it is in, and what that says of it."""

    path: str
    head: Head


def file_source(
    name: str,
    files: Container,
    form: ImageForm,
    max_bytes: int,
    on_look: OnLook,
    table: Table | None = None,
) -> ImageSource:
    """The images in `files`, each looked at once; what can be refused before that is.

    table: what is known of them, by default the table among the files; on_look hears how far it is,
    0 to 1, now and then.
    """
    in_files, table_notes = (None, []) if table else table_among(files)
    given, table = table is not None, table or in_files
    reader = _Reader(files, "" if in_files is None else in_files[0], on_look)
    promised = reader.pictures(name, form.frames, LARGE * max_bytes)
    stored_in_colour = any(each.head.in_colour for each in promised)
    check_memory(form, name, [each.head.size for each in promised], stored_in_colour, max_bytes)
    looks, ground_notes = _laid_on_ground(reader, name, promised)
    parts, splits, labels, class_names, folder_notes = _classes(
        name, [PurePosixPath(each.path) for each, _ in looks]
    )
    told = Beside()
    if table is not None:
        told = beside(*table, [each.path for each, _ in looks], classes=labels is None)
        if given and not told.columns and told.labels is None:
            raise DataError(" ".join(told.notes))
    if told.labels is not None:
        labels, class_names = told.labels, told.class_names
    ranges = _ranges(looks, parts)
    readings, scale_told = _readings(name, ranges, form.scale)
    counts = Counter(look.depth for _, look in looks)
    # What is asked, where anything is, else what is seen most.
    most = max(counts, key=lambda depth: (readings[depth].doubt != "", counts[depth]))
    notes = [*files.notes, *reader.notes(), *ground_notes, *folder_notes]
    notes += [*table_notes, *told.notes]
    notes += [*lacking_notes(splits, labels, class_names), *scale_told]

    alone = Counter(each.path for each in promised)

    def image(index: int, at_least: int) -> Image.Image:
        picture, look = looks[index]
        return reader.decoded(picture, at_least, readings[look.depth].scale)

    return ImageSource(
        name=name,
        sizes=[each.head.size for each, _ in looks],
        in_colour=any(look.in_colour for _, look in looks),
        image=image,
        origins=[each.path if alone[each.path] == 1 else _nth(each) for each, _ in looks],
        splits=splits,
        labels=labels,
        class_names=class_names,
        values=joined(part.values for part in ranges[most].values()),
        reading=readings[most],
        stored_in_colour=stored_in_colour,
        stacks=reader.stacks,
        films=[each.path for each, _ in looks] if len(alone) < len(promised) else None,
        encodings=files.encodings,
        columns=told.columns,
        notes=tuple(notes),
    )


def _laid_on_ground(
    reader: _Reader, name: str, promised: Sequence[_Picture]
) -> tuple[list[tuple[_Picture, Look]], list[str]]:
    """What can be looked at, on black where it would vanish on white; what is to be said of it."""
    looks = reader.looks(promised)
    reader.check(name, len(looks))
    transparent = sum(look.transparent for _, look in looks)
    if not transparent:
        return looks, []
    seen = ""
    if 2 * sum(look.vanishes for _, look in looks) > transparent:
        reader.ground = "black"
        looks = reader.looks([each for each, _ in looks])
        seen = ", as what is seen of them is white"
    images = "images are" if transparent > 1 else "image is"
    told = f"{transparent:,} {images} transparent in part: laid on {reader.ground}{seen}."
    return looks, [told]


def _ranges(
    looks: Sequence[tuple[_Picture, Look]], parts: Sequence[str]
) -> dict[str, dict[str, Part]]:
    """The values of the images of each depth, part by part."""
    found: dict[str, dict[str, list[Look]]] = {}
    for (_, look), part in zip(looks, parts, strict=True):
        called = f"{part or 'the images'} of {look.depth}"
        found.setdefault(look.depth, {}).setdefault(called, []).append(look)
    return {
        depth: {
            called: Part(joined(look.values for look in some), len(some))
            for called, some in by_part.items()
        }
        for depth, by_part in found.items()
    }


def _readings(
    name: str, ranges: Mapping[str, Mapping[str, Part]], scale: Scale | None
) -> tuple[dict[str, Reading], list[str]]:
    """How the values of each depth are read, by this scale or a usual one; what is to be said."""
    notes = []
    if decoding.CUT in ranges:
        kind = "Of images of 16 bits in colour, or with transparency, the upper 8 are read"
        if scale and max(scale) > 255:
            raise DataError(f"{name}: {kind}; choose a scale up to 255.")
        notes.append(f"{kind}.")
    readings = {
        depth: common_reading(
            name,
            parts,
            scale,
            one_type=depth != "fractions",
            in_bytes=depth == decoding.BYTES,
        )
        for depth, parts in ranges.items()
    }
    given = scale is not None
    for depth, parts in ranges.items():
        notes += dark_notes(parts, given=given)
        values = joined(part.values for part in parts.values())
        notes += scale_notes(values, readings[depth], given=given)
    scales = {depth: reading.scale for depth, reading in readings.items()}
    if len(set(scales.values())) > 1:
        each = ", ".join(f"of {k} from {number(a)} to {number(b)}" for k, (a, b) in scales.items())
        notes.append(f"From black to white are images {each}.")
    return readings, notes


class _Reader:
    """Images out of files, those left out of account that cannot be read."""

    def __init__(self, files: Container, table: str, on_look: OnLook) -> None:
        self._files, self._table, self._on_look = files, table, on_look
        self._broken: dict[str, str] = {}  # what is left out, and why
        self._others: list[str] = []  # no images
        self._film: tuple[str, Image.Image] | None = None  # open, as frames are read in order
        self.ground = "white"  # behind what is transparent
        self._films: set[str] = set()  # files that hold several images
        self._ended: dict[str, str] = {}  # those of which no more can be read, and why

    @property
    def stacks(self) -> int:
        """How many files hold several images."""
        return len(self._films)

    def pictures(self, name: str, frames: str, most: int) -> list[_Picture]:
        """All images in the order of their paths. DataError where there are none.

        most: pixels that they may have together, unless they are packed in as many bytes.
        """
        found: list[_Picture] = []
        size = pixels = 0
        steps = count()
        for k, path in enumerate(sorted(self._files.paths, key=lambda path: path.split("/"))):
            done = HEADS_SHARE * k / len(self._files.paths)
            self._tell(next(steps), done)
            if left_by_file_manager(path) or path == self._table:
                continue
            if any(part.startswith(".") for part in path.split("/")):
                self._others.append(path)
                continue
            named = PurePosixPath(path).suffix.lower() in SUFFIXES
            try:
                data = self._files.read(path)
                if unread := unread_image(data[:HEAD_BYTES], path):
                    named = True
                    raise DataError(unread)
                if not named and not decoding.is_picture(data):
                    raise DataError("is no image")
                named = True
                held = decoding.heads(data, lambda done=done: self._tell(next(steps), done))  # type: ignore[misc]
            except DataError as error:
                if named:
                    self._broken[path] = str(error).rstrip(".")
                else:
                    self._others.append(path)
                continue
            if len(held) > 1:
                self._films.add(path)
            found += [_Picture(path, head) for head in (held if frames == "all" else held[:1])]
            size += len(data)
            pixels += sum(head.size[0] * head.size[1] for head in held)
            if len(found) > MAX_FILES:
                raise DataError(f"{name} holds more than {MAX_FILES:,} images, the most read.")
        if pixels > max(most, MAX_PIXELS_A_BYTE * size):
            raise DataError(
                f"{name} holds {pixels:,} pixels in {size:,} bytes, more than are decoded here; "
                "save the images smaller, they are learned so anyway."
            )
        self.check(name, len(found))
        return found

    def looks(self, pictures: Sequence[_Picture]) -> list[tuple[_Picture, Look]]:
        """What each image is, but for those that are damaged."""
        found = []
        for k, picture in enumerate(pictures):
            self._tell(k, HEADS_SHARE + (1 - HEADS_SHARE) * k / len(pictures))
            if look := self._look(picture):
                found.append((picture, look))
        return found

    def _tell(self, step: int, done: float) -> None:
        if step % STEPS_TOLD == 0:
            self._on_look(done)

    def _look(self, picture: _Picture) -> Look | None:
        """What an image is; None where it is damaged."""
        reason = self._ended.get(picture.path, "")
        try:
            if not reason:
                return decoding.look(self._opened(picture), picture.head.frame, self.ground)
        except decoding.Ended as error:
            reason = self._ended[picture.path] = str(error)
            self._film = None  # those before are read from a new one
        except DataError as error:
            reason = str(error)
        self._broken[_place(picture)] = reason
        return None

    def decoded(self, picture: _Picture, at_least: int, scale: Scale) -> Image.Image:
        try:
            image = self._opened(picture)
            return decoding.decoded(image, picture.head.frame, at_least, scale, self.ground)
        except DataError as error:  # sound a moment ago
            raise DataError(f"{printable(_place(picture))} {error}; read all anew.") from error

    def _opened(self, picture: _Picture) -> Image.Image:
        if self._film and self._film[0] == picture.path:
            return self._film[1]
        image = decoding.open_image(self._files.read(picture.path))
        if picture.path in self._films:
            self._film = picture.path, image
        return image

    def check(self, name: str, sound: int) -> None:
        """DataError where there is no sound image, or where too many are not."""
        broken = len(self._broken)
        if broken > MAX_BROKEN * (sound + broken):
            raise DataError(f"{name}: {self._left_out()} of {sound + broken:,}; save them anew.")
        if not sound:
            others = f"; {listed(self._others, 3)} are none" if self._others else ""
            if any(path.endswith(".npy") for path in self._others):
                others = "; put its arrays into one, by np.stack, and save that by np.savez"
            raise DataError(f"{name} holds no images such as PNG or JPEG files{others}.")

    def notes(self) -> list[str]:
        notes = []
        if self._broken:
            each = "it is" if len(self._broken) == 1 else "they are"
            notes.append(f"{self._left_out()}; {each} left out.")
        if self._others:
            n = len(self._others)
            files = "file" if n == 1 else "files"
            shown = listed(self._others)
            notes.append(f"Left out as no images, or hidden: {n:,} {files} ({shown}).")
        return notes

    def _left_out(self) -> str:
        """How many images cannot be read, some of their names, and why."""
        reasons: dict[str, list[str]] = {}
        for path, reason in self._broken.items():
            reasons.setdefault(reason, []).append(path)
        parts = [f"{listed(paths)} ({reason})" for reason, paths in list(reasons.items())[:3]]
        n = len(self._broken)
        return f"{n:,} image{'s' if n > 1 else ''} cannot be read: {', '.join(parts)}"


def _nth(picture: _Picture) -> str:
    return f"{picture.path}, image {picture.head.frame + 1}"


def _place(picture: _Picture) -> str:
    frame = picture.head.frame
    return f"image {frame + 1} of {picture.path}" if frame else picture.path


def _classes(
    name: str, paths: Sequence[PurePosixPath]
) -> tuple[list[str], list[str] | None, Any, tuple[str, ...], list[str]]:
    """Each image's part as its folder is named, its split and its label, by where it lies."""
    folders = [path.parts[:-1] for path in paths]
    common = PurePosixPath(posixpath.commonpath("/".join(parts) for parts in folders)).parts
    above = len(common)
    below = [parts[above:] for parts in folders]
    named, splits, notes = [""] * len(below), None, list[str]()
    for level in range(min(map(len, below))):
        at_level = [parts[level] for parts in below]
        if (splits := parted(at_level)) is not None:
            named, notes = at_level, part_notes(at_level)
            if level:
                found = listed(sorted(set(named)))
                notes.insert(0, f"The folders {found} below the others part the images.")
            below = [(*parts[:level], *parts[level + 1 :]) for parts in below]
            break
    if not any(below):
        if common:
            notes.append(f"All lie in one folder, whose name is no class: {printable(common[-1])}.")
        return named, splits, None, (), notes
    if not all(below):
        raise DataError(
            f"{name}: some images lie in folders, which name their classes, and some beside them; "
            "put each into the folder of its class, or all into one."
        )
    classes = [parts[0] for parts in below]
    if any(map(names_part, classes)):
        notes.append(
            f"The folders {listed(sorted(set(classes)))} are taken as classes and not as parts; "
            "images are parted by train and test or val, with no other folder beside these."
        )
    if deeper := sorted({"/".join(parts) for parts in below if len(parts) > 1}):
        notes.append(f"Folders below those of the classes are no classes: {listed(deeper)}.")
    return named, splits, *labelled(name, np.array(classes)), notes
