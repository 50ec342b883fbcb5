"""The user's own images: what they become, and what of them is refused."""

import gzip
import io
import os
import re
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.vae_core.arrays import idx
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.names import is_own
from vae_core.data.own import containers, decoding, form
from vae_core.data.own import images as own_images
from vae_core.data.own import source as image_source
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import preview_images, read_images, write_images
from vae_core.data.own.values import ALL_BYTES
from vae_core.data.texts import texts_of
from vae_core.errors import ConfigError, DataError
from vae_core.files import zips as zip_files

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def noise(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(array: NDArray[Any], format: str = "PNG", **options: Any) -> bytes:
    return saved(Image.fromarray(array), format, **options)


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return buffer


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def npz(**arrays: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer


def together(*parts: ImageDataset) -> list[tuple[int, bytes]]:
    """Every image with its label, in an order that does not depend on the split."""
    return sorted(
        (-1 if part.labels is None else int(part.labels[k]), part.images[k].numpy().tobytes())
        for part in parts
        for k in range(len(part))
    )


def read(source: Any, *others: Any, **options: Any) -> tuple[ImageDataset, ImageDataset]:
    """Both splits, whatever there is to say of them."""
    return read_images(source, *others, on_survey=lambda survey: None, **options)


def one(file: bytes, **wanted: Any) -> NDArray[np.uint8]:
    """What becomes of one image file, (c, h, w)."""
    source = zipped({f"{k}.png": file for k in range(4)})
    train, _ = read(source, form=ImageForm(**wanted))
    return train.images[0].numpy()


PHOTOS = {
    f"photos/{kind}/{k:02}.png": png(noise((6, 9), seed=10 * c + k))
    for c, kind in enumerate(("cats", "dogs"))
    for k in range(10)
}


# What images become


def test_a_folder_and_a_zip_of_it_are_the_same_data(tmp_path: Path) -> None:
    bundle = zipped(PHOTOS | {"__MACOSX/photos/cats/._00.png": b"fork", "photos/notes.txt": b"hi"})
    from_folder = read_images(folder(tmp_path, PHOTOS | {"photos/.hidden.png": b"x"}) / "photos")
    for ours, theirs in zip(from_folder, read_images(bundle), strict=True):
        assert torch.equal(ours.images, theirs.images) and torch.equal(ours.labels, theirs.labels)
        assert ours.class_names == theirs.class_names == ("cats", "dogs")
        assert ours.split == theirs.split
        assert re.fullmatch("own-photos-[0-9a-f]{12}", ours.name) and is_own(ours.name)
        assert ours.name[-12:] == theirs.name[-12:]  # the same pixels under another file's name
        assert ours.image_shape == (1, 6, 9)
    path = tmp_path / "bundle"  # no ending: the content tells
    path.write_bytes(bundle.getvalue())
    assert together(*read_images(str(path))) == together(*from_folder)


def test_every_image_is_in_one_split_with_the_label_of_its_folder() -> None:
    train, test = read_images(zipped(PHOTOS))
    expected = [(c, noise((6, 9), seed=10 * c + k).tobytes()) for c in range(2) for k in range(10)]
    assert together(train, test) == sorted(expected)
    assert (len(train), len(test)) == (18, 2)
    assert sorted(test.labels.tolist()) == [0, 1]  # a tenth of each class
    again, _ = read_images(zipped(PHOTOS))
    assert torch.equal(again.images, train.images)
    other, _ = read_images(zipped(PHOTOS), seed=1)
    assert not torch.equal(other.images, train.images)


def test_every_pixel_label_and_class_name_is_in_the_fingerprint() -> None:
    def name(**form: Any) -> str:
        return read_images(zipped(files), label="a", form=ImageForm(**form))[0].name

    files = dict(PHOTOS)
    first = name()
    assert name() == first != name(fit="pad", size=(9, 9)) != name(size=(9, 9))
    brighter = noise((6, 9), seed=3)
    brighter[2, 4] ^= 1
    files["photos/cats/03.png"] = png(brighter)
    assert name() != first
    files = {path.replace("cats", "lions"): data for path, data in PHOTOS.items()}
    files = dict(sorted(files.items(), reverse=True))
    assert name() != first


def test_progress_runs_from_the_first_image_to_the_last() -> None:
    heard: list[float] = []
    read_images(zipped(PHOTOS), on_progress=heard.append)
    looked = [each for each in heard if each <= 0.5]
    assert len(looked) > 1 and heard == sorted(heard)
    assert heard[len(looked) :] == pytest.approx([0.5 + k / 40 for k in range(1, 21)])
    heard.clear()
    read_images(npz(images=noise((20, 4, 4))), on_progress=heard.append)
    assert heard == pytest.approx([k / 20 for k in range(1, 21)])


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_a_film_of_many_frames_is_told_of_and_can_be_ended_before_it_is_read(kind: str) -> None:
    frames = [Image.fromarray(noise((4, 4), k)) for k in range(300)]
    film = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    heard: list[float] = []
    preview_images(io.BytesIO(film), on_progress=heard.append)
    assert len(heard) > 10 and heard == sorted(heard)

    def leave(_done: float) -> None:
        heard.append(1)
        if len(heard) == 3:
            raise KeyboardInterrupt

    heard.clear()
    with pytest.raises(KeyboardInterrupt):
        preview_images(io.BytesIO(film), on_progress=leave)
    assert len(heard) == 3


def growing(n: int, then: int) -> bytes:
    """A GIF of `n` images of one pixel, then one of `then` x `then`, then one more of a pixel."""
    head = b"GIF89a\x01\0\x01\0\xf0\0\0" + bytes(3) + b"\xff" * 3
    pixel = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    large = png(np.zeros((then, then), np.uint8), "GIF")
    image = large[large.index(b"," + bytes(4) + then.to_bytes(2, "little")) : -1]
    return head + n * pixel + image + pixel + b";"


def test_a_gif_that_grows_is_not_decoded_at_the_size_that_it_grows_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[tuple[int, int]] = []
    load = Image.Image.load

    def seen(image: Image.Image) -> Any:
        decoded.append(image.size)
        return load(image)

    films = {f"{'ab'[k % 2]}/{k}.gif": growing(9, 3_000) for k in range(2)}
    monkeypatch.setattr(Image.Image, "load", seen)
    preview = preview_images(zipped(films))
    assert preview.n == 18
    assert decoded and max(decoded) == (1, 1)
    note = " ".join(preview.notes)
    assert "4 images cannot be read: image 10 of a/0.gif" in note and "grows beyond" in note


def test_of_one_file_there_is_a_most_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Image.fromarray(noise((4, 4), k)) for k in range(8)]
    film = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert preview_images(io.BytesIO(film)).n == 8
    monkeypatch.setattr("vae_core.data.own.decoding.MAX_FRAMES", 7)
    assert "holds more than 7 images" in refused(io.BytesIO(film))


def test_folders_named_train_and_test_part_the_images() -> None:
    files = {name.replace("photos", "all/Train"): data for name, data in PHOTOS.items()}
    files |= {f"all/test/dogs/{k}.png": png(noise((6, 9), 50 + k)) for k in range(3)}
    train, test = read_images(zipped(files))
    assert (len(train), len(test)) == (20, 3)
    assert test.labels.tolist() == [1, 1, 1] and train.class_names == ("cats", "dogs")


@pytest.mark.parametrize(
    ("parts", "sizes"), [("train val", (10, 6)), ("Train valid test", (20, 8)), ("a val", (6, 2))]
)
def test_what_is_for_validation_is_the_test_where_there_is_none(
    parts: str, sizes: tuple[int, int]
) -> None:
    files = {
        f"all/{part}/{kind}/{k}.png": png(noise((6, 9), 100 * j + 10 * i + k))
        for j, part in enumerate(parts.split())
        for i, kind in enumerate(("cats", "dogs"))
        for k in range(len(part))
    }
    train, test = read(zipped(files))
    assert (len(train), len(test)) == sizes
    assert train.class_names == (("a", "val") if parts == "a val" else ("cats", "dogs"))


@pytest.mark.parametrize(
    ("folders", "classes", "n_test", "notes"),
    [
        ("train/a train/b test/a test/b", "a b", 4, []),
        ("a/train a/test b/train b/test", "a b", 4, ["The folders test, train below the others"]),
        ("Train Eval", "", 2, ["The images of Eval are the test"]),
        ("train/a val/a test/a", "a", 2, ["The images of val count as training"]),
        ("train/a test/a new/a", "new test train", 2, ["as classes and not", "classes: new/a"]),
        ("val test", "test val", 2, ["The folders test, val are taken as classes"]),
        ("animals/x plants/y", "animals plants", 2, ["no classes: animals/x, plants/y."]),
    ],
)
def test_what_folders_are_taken_for_is_said(
    folders: str, classes: str, n_test: int, notes: list[str]
) -> None:
    files = [f"{folder}/{k}.png" for folder in folders.split() for k in range(2)]
    preview = preview_images(zipped({path: png(noise((6, 9), k)) for k, path in enumerate(files)}))
    assert " ".join(preview.class_sizes) == classes and preview.n_test == n_test
    assert len(preview.notes) == len(notes)
    assert all(said in note for said, note in zip(notes, preview.notes, strict=True))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([3.0, 10.0, -1.0] * 4), ("-1", "3", "10")),
        (np.array([[3.0], [10.0], [-1.0]] * 4, np.float16), ("-1", "3", "10")),
        (np.array(["é".encode(), b"b", b"a"] * 4), ("a", "b", "é")),
    ],
)
def test_labels_may_be_kept_as_fractions_or_bytes(
    labels: np.ndarray, names: tuple[str, ...]
) -> None:
    train, test = read_images(npz(x=noise((12, 4, 4)), y=labels))
    assert train.class_names == names
    assert sorted([*train.labels, *test.labels]) == [0] * 4 + [1] * 4 + [2] * 4


def test_images_without_folders_have_no_labels() -> None:
    train, test = read_images(zipped({f"a/b/{k}.png": png(noise((4, 4), k)) for k in range(7)}))
    assert train.labels is None and train.class_names == ()
    assert (len(train), len(test)) == (4, 3)


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_an_image_of_another_shape_is_cropped_or_padded_evenly(fit: str) -> None:
    stripes = np.zeros((20, 40, 3), np.uint8)
    stripes[:, :10], stripes[:, 10:30], stripes[:, 30:] = RED, GREEN, BLUE
    image = one(png(stripes), size=(8, 8), fit=fit)
    if fit == "crop":
        off = np.abs(image - np.array(GREEN)[:, None, None])
        assert off[:, :, 1:-1].max() < 8 and off.max() < 40  # the filter looks over the border
    else:
        assert not image[:, :2].any() and not image[:, -2:].any()
        assert tuple(image[:, 4, 0]) == RED and tuple(image[:, 4, -1]) == BLUE


def test_a_smaller_image_keeps_its_mean_brightness() -> None:
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    small = one(png(ramp), size=(16, 16))[0].astype(float)
    oracle = ramp.reshape(16, 4, 16, 4).mean((1, 3))
    assert np.abs(small - oracle)[1:-1, 1:-1].max() < 2
    assert small.shape == (16, 16)


def test_pixels_at_their_own_size_are_left_alone() -> None:
    for array in (noise((5, 7)), noise((5, 7, 3))):
        expected = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        assert np.array_equal(one(png(array)), expected)


def test_grey_or_colour_is_as_the_images_are_or_as_asked() -> None:
    grey, red = png(np.full((3, 3), 90, np.uint8)), png(np.full((3, 3, 3), RED, np.uint8))
    assert one(grey).shape == (1, 3, 3)
    assert (one(grey, colour="colour") == 90).all() and one(grey, colour="colour").shape[0] == 3
    assert (one(red, colour="grey") == 76).all()  # ITU-R 601: 0.299 of red
    mixed, _ = read_images(zipped({f"{k}.png": red if k == 3 else grey for k in range(5)}))
    assert mixed.image_shape == (3, 3, 3)


def as_files() -> dict[str, tuple[bytes, NDArray[np.uint8]]]:
    """Files of every kind, and the pixels (h, w) or (h, w, 3) that they show."""
    grey, colour = noise((6, 5)), noise((6, 5, 3))
    flat = np.full((6, 5, 3), (200, 30, 60), np.uint8)
    deep = grey.astype(np.uint16) * 257
    see_through = np.dstack([colour, np.where(grey > 127, 255, 0).astype(np.uint8)])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    return {
        "PNG": (png(grey), grey),
        "BMP": (png(colour, "BMP"), colour),
        "TIFF": (png(colour, "TIFF"), colour),
        "PGM": (png(grey, "PPM"), grey),
        "WEBP": (png(colour, "WEBP", lossless=True), colour),
        "GIF": (png(grey, "GIF"), grey),
        "palette of greys": (saved(Image.fromarray(grey).convert("P")), grey),
        "CMYK JPEG": (
            saved(Image.new("CMYK", (5, 6), (0, 255, 255, 0)), "JPEG"),
            np.full((6, 5, 3), RED),
        ),
        "JPEG": (png(flat, "JPEG", quality=95), flat),
        "16 bits": (png(deep), grey),
        "16-bit PGM": (b"P5 5 6 65535\n" + deep.astype(">u2").tobytes(), grey),
        "black and white": (png(grey > 99), 255 * (grey > 99).astype(np.uint8)),
        "transparent": (png(see_through), np.where(see_through[..., 3:] > 0, colour, 255)),
        "turned": (png(flat[:, :3], "JPEG", exif=exif), np.rot90(flat[:, :3])),
    }


@pytest.mark.parametrize("kind", as_files())
def test_files_of_every_kind_show_their_pixels(kind: str) -> None:
    file, pixels = as_files()[kind]
    image = one(file)
    expected = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= (3 if "FF" in str(file[:2]) else 0) + 3 * (
        kind in ("JPEG", "turned")
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize(("visible", "ground"), [(255, 0), (0, 255), (100, 255)])
def test_what_is_transparent_is_laid_where_something_is_seen(
    mode: str, visible: int, ground: int
) -> None:
    opaque = noise((6, 9)) > 127
    pixels = np.dstack([np.full((6, 9), visible)] * (len(mode) - 1) + [255 * opaque])
    file = saved(Image.fromarray(pixels.astype(np.uint8), mode))
    expected = np.where(opaque, visible, ground)
    assert np.array_equal(one(file, colour="grey")[0], expected)
    note = preview_images(zipped({f"{k}.png": file for k in range(4)})).notes[0]
    said = "white" if ground else "black, as what is seen of them is white"
    assert note == f"4 images are transparent in part: laid on {said}."


def test_images_that_are_all_white_are_refused() -> None:
    white = png(np.full((6, 9), 255, np.uint8))
    assert "every pixel is white" in refused_to_read(zipped({f"{k}.png": white for k in range(4)}))
    assert "every pixel is white" in refused_to_read(npz(x=np.full((6, 4, 4), 255, np.uint8)))


def test_a_preview_shows_what_reading_gives() -> None:
    files = PHOTOS | {"photos/dogs/10.png": png(noise((12, 30)))}
    preview = preview_images(zipped(files), form=ImageForm((6, 9)), n=5)
    train, test = read_images(zipped(files), form=ImageForm((6, 9)))
    assert preview.images.shape == (5, 1, 6, 9)
    everything = {image for _, image in together(train, test)}
    assert all(image.numpy().tobytes() in everything for image in preview.images)
    assert preview.labels.tolist() == [0, 0, 1, 1, 1]
    assert (preview.n, preview.n_test) == (len(train) + len(test), len(test)) == (21, 3)
    assert (preview.smallest, preview.largest) == ((6, 9), (12, 30))
    assert preview.class_sizes == {"cats": 10, "dogs": 11}


# Arrays


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda x: x[..., 0], (1, 4, 5)),
        (lambda x: x[..., :1], (1, 4, 5)),
        (lambda x: x, (3, 4, 5)),
        (lambda x: x.transpose(0, 3, 1, 2), (3, 4, 5)),
        (lambda x: np.asfortranarray(x), (3, 4, 5)),
        (lambda x: x / 255, (3, 4, 5)),
        (lambda x: (x / 255).astype(np.float16), (3, 4, 5)),
        (lambda x: x.astype(np.int64), (3, 4, 5)),
        (lambda x: x.astype(np.float32), (3, 4, 5)),
        (lambda x: x.astype(">i2"), (3, 4, 5)),
    ],
)
def test_arrays_of_every_layout_show_their_pixels(
    make: Callable[[Any], Any], shape: tuple[int, int, int]
) -> None:
    x = noise((8, 4, 5, 3))
    train, test = read_images(npz(anything=make(x), y=np.arange(8) // 4 + 7))
    assert train.image_shape == shape and train.class_names == ("7", "8")
    oracle = x.transpose(0, 3, 1, 2)[:, : shape[0]]
    expected = [(k // 4, oracle[k].tobytes()) for k in range(8)]
    assert together(train, test) == sorted(expected)


def test_zeros_and_ones_become_black_and_white() -> None:
    bits = noise((6, 4, 4)) % 2
    for x in (bits, bits.astype(bool), bits.astype(float)):
        train, test = read_images(npz(imgs=x, latents=np.zeros((6, 5))))
        assert together(train, test) == sorted((-1, (255 * each).tobytes()) for each in bits)


def test_what_0_and_1_mean_is_told_by_all_images_together() -> None:
    bright, dark = noise((6, 4, 4)), noise((2, 4, 4)) % 2
    train, test = read(npz(x_train=bright, x_test=dark))
    assert together(train) == sorted((-1, each.tobytes()) for each in bright)
    assert together(test) == sorted((-1, each.tobytes()) for each in dark)
    assert "every pixel is black" in refused_to_read(npz(x=np.zeros((6, 4, 4), np.uint8)))


@pytest.mark.parametrize("key", ["values", "latest_images", "constrained"])
def test_a_name_that_only_sounds_like_a_part_is_none(key: str) -> None:
    train, test = read_images(npz(**{key: noise((8, 4, 4)), "labels": np.arange(8) // 4}))
    assert (len(train), len(test)) == (6, 2) and train.class_names == ("0", "1")


@pytest.mark.parametrize("test_name", ["test", "val", "validation"])
@pytest.mark.parametrize("names", ["x_{}", "{}_images", "X{}", "{}X"])
def test_arrays_named_train_and_test_part_the_images(names: str, test_name: str) -> None:
    x, y = noise((9, 4, 4)), np.array(list("abcabcabc"))
    arrays = {names.format("train"): x[:6], names.format(test_name): x[6:]}
    label = names.replace("images", "labels").replace("x", "y").replace("X", "y")
    arrays |= {label.format("train"): y[:6, None], label.format(test_name): y[6:]}
    train, test = read(npz(**arrays))
    assert np.array_equal(train.images[:, 0], x[:6]) and np.array_equal(test.images[:, 0], x[6:])
    assert train.class_names == ("a", "b", "c")
    assert test.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_read_back(tmp_path: Path, channels: int, labelled: bool) -> None:
    parts = {
        split: ImageDataset(
            "own",
            split,
            torch.from_numpy(noise((n, channels, 5, 4), n)),
            torch.arange(n) % 2 if labelled else None,
            class_names=("a", "b", "never seen") if labelled else (),
        )
        for split, n in (("train", 6), ("test", 3))
    }
    write_images(tmp_path / "deep" / "own.npz", **parts)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["own.npz"]
    for ours in read_images(tmp_path / "deep" / "own.npz"):
        theirs = parts[ours.split]
        assert torch.equal(ours.images, theirs.images)
        assert ours.class_names == theirs.class_names
        assert (ours.labels is None) == (theirs.labels is None)
        assert ours.labels is None or torch.equal(ours.labels, theirs.labels)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_idx_pair_is_read_from_files_and_from_memory(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    x, y = noise((10, 5, 6)), np.arange(10, dtype=np.uint8) % 3
    images, labels = pack(idx(x)), pack(idx(y))
    folder(tmp_path, {"x": images, "y": labels})
    expected = sorted((int(label), image.tobytes()) for image, label in zip(x, y, strict=True))
    assert together(*read_images(tmp_path / "x", tmp_path / "y")) == expected
    assert together(*read_images(io.BytesIO(images), io.BytesIO(labels))) == expected
    train, _ = read_images(io.BytesIO(images), form=ImageForm((3, 3)))
    assert train.labels is None and train.image_shape == (1, 3, 3)


# Broken and hostile files


def refused(source: Any, *others: Any, **options: Any) -> str:
    """The one sentence with which reading and previewing are refused."""
    sentence = refused_to_read(source, *others, **options)
    with pytest.raises(DataError):
        preview_images(source, *others, **options)
    return sentence


def refused_to_read(source: Any, *others: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_images(source, *others, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 500
    return sentence


def huge_png(width: int, height: int) -> bytes:
    """A few bytes that promise many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + chunk(b"IEND", b"")


GOOD = png(noise((6, 9)))
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "truncated": (GOOD[: len(GOOD) // 2], "is no image, or a damaged one"),
    "truncated JPEG": (png(noise((90, 90)), "JPEG")[:-900], "is no image, or a damaged one"),
    "empty": (b"", "is no image, or a damaged one"),
    "text": (b"not an image at all", "is no image, or a damaged one"),
    "another program's": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "is PostScript, a drawing, which is not read",
    ),
    "drawing": (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "is SVG, a drawing, which is not read",
    ),
    "a telephone's": (b"\0\0\0\x18ftypheic" + bytes(99), "is no image, or a damaged one"),
    "bomb": (huge_png(100_000, 100_000), "is no image|pixels"),
    "large": (huge_png(9_000, 9_000), "9,000 x 9,000 pixels; 50,000,000 are read at most"),
    "less than it promises": (huge_png(5_000, 5_000), "is no image, or a damaged one"),
    "no numbers": (png(np.full((4, 4), np.nan, np.float32), "TIFF"), "values that are no numbers"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_is_no_sound_image_is_left_out_and_named(case: str, tmp_path: Path) -> None:
    data, said = BAD_FILES[case]
    files = {f"{k}.png": GOOD for k in range(5)} | {"bad one.png": data}
    form = ImageForm((6, 6))
    for source in (zipped(files), folder(tmp_path, files)):
        preview, (train, test) = preview_images(source, form=form), read(source, form=form)
        assert len(train) + len(test) == preview.n == 5
        told = f"^1 image cannot be read: bad one.png .*({said}).*; it is left out"
        assert re.search(told, preview.notes[0])
        with pytest.warns(UserWarning, match="bad one.png"):
            read_images(source, form=form)


def test_where_more_than_a_quarter_cannot_be_read_all_is_refused() -> None:
    files = {f"{k:02}.png": GOOD if k >= 5 else GOOD[:40] for k in range(20)}
    preview = preview_images(zipped(files))
    assert preview.n == 15
    assert preview.notes == (
        "5 images cannot be read: 00.png, 01.png, 02.png, 03.png, 04.png (is no image, or a "
        "damaged one); they are left out.",
    )
    files["05.png"] = b""
    said = refused(zipped(files))
    assert "6 images cannot be read" in said and "04.png and 1 more" in said and "of 20" in said


def test_images_are_told_by_their_content_and_what_is_none_is_named() -> None:
    jpeg = png(noise((6, 9)), "JPEG")
    endings = ("jfif", "heic", "PNG", "JPEG", "dat", "")
    files = {f"cats/{k}.{ending}": jpeg for k, ending in enumerate(endings)}
    files |= {f"dogs/{k}.jpg": jpeg for k in range(6)}
    files |= {"dogs/.cache/0.png": jpeg, "labels.csv": b"a,b", "empty": b"", "film.mp4": bytes(99)}
    left = {"__MACOSX/cats/._0.png": b"fork", "Thumbs.db": b"x", "dogs/.DS_Store": b"x"}
    preview = preview_images(zipped(files | left))
    assert preview.class_sizes == {"cats": 6, "dogs": 6}
    note, of_table = preview.notes
    assert "3 files (dogs/.cache/0.png, empty, film.mp4)" in note
    assert of_table == "labels.csv has no rows: it is not used."


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_each_image_of_a_stack_is_one_or_the_first_alone_by_choice(kind: str) -> None:
    frames = [Image.fromarray(each) for each in noise((9, 6, 5))]
    buffer = io.BytesIO()
    lossless = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **lossless)
    stack = buffer.getvalue()
    expected = sorted((-1, each.tobytes()) for each in noise((9, 6, 5)))
    assert together(*read(io.BytesIO(stack))) == expected
    within = zipped({f"{k}.png": png(noise((6, 5), 9 + k)) for k in range(4)} | {"s.tif": stack})
    preview = preview_images(within)
    assert preview.n == 13 and preview.stacks == 1
    assert any(note.startswith("1 file holds several images: each is") for note in preview.notes)
    first = preview_images(within, form=ImageForm(frames="first"))
    assert first.n == 5 and first.stacks == 1
    assert "1 file holds several images: the first alone is read." in first.notes
    assert "has 1 image; 4" in refused(io.BytesIO(stack), form=ImageForm(frames="first"))


def test_both_pictures_of_a_camera_with_two_lenses_are_read_and_no_thumbnail() -> None:
    def flat(grey: int, side: int = 24) -> Image.Image:
        return Image.new("L", (side, side), grey)

    def photo(grey: int) -> bytes:  # left, a smaller copy, right
        others = [flat(grey, 12), flat(grey + 1)]
        return saved(flat(grey), "MPO", save_all=True, append_images=others)

    whole = {f"{k}.jpg": photo(20 * k) for k in range(4)}
    files = whole | {"cut.jpg": photo(100)[: len(saved(flat(100), "JPEG")) + 200]}
    preview = preview_images(zipped(files))
    assert preview.n == 9 and preview.stacks == 4
    assert any("4 files hold several images: each is read" in note for note in preview.notes)
    shown = sorted(
        int(np.frombuffer(pixels, np.uint8)[0]) for _, pixels in together(*read(zipped(files)))
    )
    assert shown == [0, 1, 20, 21, 40, 41, 60, 61, 100]
    first = preview_images(zipped(files), form=ImageForm(frames="first"))
    assert first.n == 5
    assert "4 files hold several images: the first alone is read." in first.notes


def test_frames_of_a_film_are_on_one_side_of_the_split_where_there_are_films_enough() -> None:
    def film(k: int) -> bytes:
        frames = [Image.fromarray(each) for each in noise((5, 6, 5), k)]
        return saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])

    films = {f"{'ab'[k % 2]}/{k:02}.tif": film(k) for k in range(20)}
    train, test = read(zipped(films))
    of_train, of_test = (
        {text.partition(",")[0] for text in texts_of(part.sources)}
        for part in (train, test)
        if part.sources is not None
    )
    assert len(of_test) == 2 and not of_train & of_test and (len(train), len(test)) == (90, 10)
    assert {name[0] for name in of_test} == {"a", "b"}
    (note,) = (n for n in preview_images(zipped(films)).notes if "several" in n)
    assert "those of one file are all to learn from or all to test by" in note
    few = zipped({f"{k}.tif": film(k) for k in range(3)})
    (note,) = (n for n in preview_images(few).notes if "several" in n)
    assert "some of the same file are learned from and others tested by" in note


def test_a_smaller_copy_in_a_tiff_is_no_image_of_its_own() -> None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    smaller = ImageFileDirectory_v2()
    smaller[254] = 1
    buffer, pages = io.BytesIO(), [Image.fromarray(each) for each in noise((5, 8, 8))]
    thumbnail = pages[0].resize((4, 4))
    thumbnail.encoderinfo = {"tiffinfo": smaller}
    pages[0].save(buffer, "TIFF", save_all=True, append_images=[thumbnail, *pages[1:]])
    assert sum(map(len, read(buffer))) == 5


def test_names_from_outside_are_shown_in_one_short_line() -> None:
    evil = "a\nb\x1b[31m" + "c" * 70
    files = {f"{evil}/{k}.png": GOOD for k in range(3)} | {f"d/{k}.png": GOOD for k in range(3)}
    train, _ = read_images(zipped(files))
    assert all(name.isprintable() for name in train.class_names)
    (note,) = preview_images(zipped(files | {f"{evil}/x\ny.png": b"text"})).notes
    assert "x?y.png (is no image" in note and note.isprintable()
    alike = {f"a{c}/{k}.png": GOOD for c in "\n\x1b" for k in range(2)}
    assert "two classes that both read a?" in refused(zipped(alike))


@pytest.mark.parametrize(
    "name", ["../up.png", "/etc/own.png", "a/../../up.png", "..\\up.png", "C:\\windows\\own.png"]
)
def test_a_path_that_leaves_the_archive_is_refused(name: str) -> None:
    assert "leads out of the archive" in refused(zipped(PHOTOS | {name: GOOD}))


def test_a_link_in_an_archive_is_refused() -> None:
    bundle = zipped(PHOTOS)
    with zipfile.ZipFile(bundle, "a") as archive:
        link = zipfile.ZipInfo("photos/cats/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refused(bundle)


def test_a_link_is_read_once_and_said_where_it_leads_out(tmp_path: Path) -> None:
    folder(tmp_path, PHOTOS | {f"elsewhere/birds/{k}.png": GOOD for k in range(2)})
    photos = tmp_path / "photos"
    (photos / "again.png").symlink_to(photos / "cats" / "00.png")
    (photos / "cats" / "more").symlink_to(photos / "dogs")  # within: files only, never in circles
    (photos / "cats" / "cats").symlink_to(photos / "cats")
    with pytest.raises(DataError, match="some beside them"):
        read(photos)
    (photos / "again.png").rename(photos / "cats" / "again.png")
    assert preview_images(photos).n == 21 and preview_images(photos).notes == ()
    (photos / "birds").symlink_to(tmp_path / "elsewhere" / "birds")
    (photos / "dogs" / "link.png").symlink_to(tmp_path / "elsewhere" / "birds" / "0.png")
    (tmp_path / "elsewhere" / "birds" / "back").symlink_to(tmp_path / "elsewhere")
    preview = preview_images(photos)
    assert preview.class_sizes["cats"] == preview.class_sizes["dogs"] == 11
    assert "Links that lead out of the folder are read: birds" in preview.notes[0]
    (photos / "cats" / "gone.png").symlink_to(tmp_path / "nowhere")
    (photos / "cats" / "loop.png").symlink_to("loop.png")
    notes = " ".join(preview_images(photos).notes)
    assert "cats/gone.png (gone.png is missing in cats)" in notes and "cats/loop.png" in notes


def test_a_pipe_with_the_name_of_an_image_is_left_out(tmp_path: Path) -> None:
    photos = folder(tmp_path, PHOTOS) / "photos"
    os.mkfifo(photos / "cats" / "pipe.png")
    assert "pipe.png in cats is no ordinary file" in preview_images(photos).notes[0]


def test_an_encrypted_archive_is_refused() -> None:
    data = bytearray(zipped(PHOTOS).getvalue())
    at = -1
    while (at := data.find(b"PK\1\2", at + 1)) >= 0:
        data[at + 8] |= 1
    at = -1
    while (at := data.find(b"PK\3\4", at + 1)) >= 0:
        data[at + 6] |= 1
    assert "encrypted" in refused(io.BytesIO(bytes(data)))


def test_what_would_fill_the_memory_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    blank = zipped({f"{k}.png": GOOD + bytes(10_000) for k in range(4)})
    assert sum(map(len, read_images(blank))) == 4
    for name in ("look", "decoded"):
        monkeypatch.setattr(decoding, name, never)
    sentence = refused(
        zipped({f"{k}.png": GOOD for k in range(2_000)}),
        form=ImageForm((512, 512), colour="colour"),
    )
    assert "2,000 images of 512x512 take 1,572,864,000 bytes" in sentence
    assert "choose a smaller size" in sentence
    bomb = zipped({f"{k}.png": bytes(65 << 20) if k == 3 else GOOD for k in range(4)})
    assert len(bomb.getvalue()) < 100_000
    monkeypatch.setattr(own_images, "MIN_IMAGES", 9)
    monkeypatch.setattr(decoding, "look", lambda *_: decoding.Look(False, "8 bits", ALL_BYTES))
    assert "3.png (unpacks to 68,157,440 bytes" in refused(bomb)
    monkeypatch.setattr(decoding, "look", never)
    pixels = zipped({f"{k}.png": huge_png(5_000, 5_000) for k in range(4)})
    sentence = refused(pixels, form=ImageForm((8, 8)), max_bytes=1_000_000)
    assert "100,000,000 pixels in" in sentence and "save the images smaller" in sentence
    monkeypatch.setattr(containers, "MIN_LARGE_BYTES", 40_000)
    assert "more than 20 times its size" in refused(blank)
    monkeypatch.setattr(containers, "MAX_FILES", 3)
    assert "4 files; 3 are read at most" in refused(zipped({f"{k}.png": GOOD for k in range(4)}))


def test_an_archive_with_an_enormous_table_of_contents_is_refused() -> None:
    data = bytearray(zipped(PHOTOS).getvalue())
    at = data.rfind(b"PK\5\6")
    struct.pack_into("<L", data, at + 12, 200 << 20)
    assert "too many files" in refused(io.BytesIO(bytes(data)))


def test_a_table_of_contents_is_measured_whatever_marks_the_record_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = bytearray(zipped(PHOTOS).getvalue())
    at = data.rfind(b"PK\5\6")
    data[at + 8 : at + 12] = b"PK\5\6"  # how many files, by which zipfile does not go
    assert zipfile.ZipFile(io.BytesIO(bytes(data))).namelist() == list(PHOTOS)
    monkeypatch.setattr(zip_files, "MAX_DIRECTORY_BYTES", 20)
    assert "too many files" in refused(io.BytesIO(bytes(data)))


def test_a_long_header_is_refused_unread() -> None:
    header = b"\x93NUMPY\x02\x00" + struct.pack("<I", 9 << 20) + b" " * (9 << 20)
    archive = zipped({"x.npy": header})
    tracemalloc.start()
    refused(archive)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 << 20


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("unpickled",))


def test_pickles_in_a_npz_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    payload = np.array([Payload()], dtype=object)
    for arrays in ({"x": payload}, {"x": noise((5, 4, 4)), "y": payload}):
        assert "never unpickled" in refused(npz(**arrays))
    beside = preview_images(npz(x=noise((5, 4, 4)), metadata=payload))
    assert beside.notes == ("Python objects, which are never unpickled: metadata.",)
    assert list(tmp_path.iterdir()) == []


def lying_npz(shape: str) -> io.BytesIO:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(320)
    return zipped({"x.npy": data})


BAD_ARRAYS: dict[str, tuple[Callable[[], io.BytesIO], str]] = {
    "no images": (lambda: npz(y=np.arange(5)), "it holds none"),
    "two": (lambda: npz(a=noise((5, 4, 4)), b=noise((5, 4, 4))), "it holds a, b"),
    "train alone": (lambda: npz(x_train=noise((5, 4, 4))), "it holds x_train"),
    "five channels": (lambda: npz(x=noise((5, 4, 4, 5))), r"x is uint8 \(5, 4, 4, 5\)"),
    "none at all": (lambda: npz(x=noise((0, 4, 4))), r"x is uint8 \(0, 4, 4\)"),
    "text": (lambda: npz(x=np.full((5, 4, 4), "a")), r"x is <U1 \(5, 4, 4\)"),
    "complex": (lambda: npz(x=np.ones((5, 4, 4), complex)), "x is complex128"),
    "no numbers": (lambda: npz(x=np.full((5, 4, 4), np.nan)), "run from nan to nan; replace"),
    "infinite": (lambda: npz(x=np.full((5, 4, 4), np.inf)), "run from inf to inf; replace"),
    "h, w, n": (lambda: npz(x=noise((4, 4, 9))), "4 images of 4x9 or 9 of 4x4; choose its axes"),
    "oblong": (lambda: npz(x=noise((5, 4, 99))), "5 images of 4x99 or 99 of 5x4; choose its axes"),
    "two scales": (
        lambda: npz(x_train=noise((5, 4, 4)) / 255, x_test=noise((4, 4, 4)) * 1.0),
        "x_train run from 0.* to 0.9.*, those of x_test run from . to 24.*unlike scales",
    ),
    "fewer labels": (lambda: npz(x=noise((5, 4, 4)), y=np.arange(4)), r"y is \(4,\), but .* 5"),
    "one-hot": (lambda: npz(x=noise((5, 4, 4)), y=np.eye(5)), r"y is \(5, 5\), but"),
    "fractions": (lambda: npz(x=noise((5, 4, 4)), y=np.arange(5) / 2), "y is float64; give whole"),
    "no label": (lambda: npz(x=noise((5, 4, 4)), y=np.full(5, np.nan)), "y is float64; give whole"),
    "no UTF-8": (lambda: npz(x=noise((5, 4, 4)), y=np.full(5, b"\xe9")), r"y is \|S1; give whole"),
    "half labelled": (
        lambda: npz(x_train=noise((5, 4, 4)), x_test=noise((5, 4, 4)), y_train=np.arange(5)),
        "labels for some of train, test alone",
    ),
    "two shapes": (lambda: npz(x_train=noise((5, 4, 4)), x_test=noise((5, 4, 3))), "one shape"),
    "too many classes": (
        lambda: npz(x=noise((1001, 1, 1)), y=np.arange(1001)),
        "1,001 classes; 1,000 are read",
    ),
    "a lying shape": (lambda: lying_npz("(10000000000, 8, 8)"), "x is not as large as it says"),
    "a negative shape": (lambda: lying_npz("(-5, 8, 8)"), "not as large|no zip"),
    "no shape": (lambda: lying_npz("__import__('os').getcwd()"), "no zip archive, or a damaged"),
    "a long header": (lambda: lying_npz("(5,8,8)" + "," * 9_000), "no zip archive, or a damaged"),
    "no array": (lambda: zipped({"x.npy": b"text"}), "no zip archive, or a damaged"),
    "cut": (lambda: io.BytesIO(npz(x=noise((50, 8, 8))).getvalue()[:900]), "no zip archive"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_an_array_that_is_no_set_of_images_is_explained(case: str) -> None:
    make, said = BAD_ARRAYS[case]
    assert re.search(said, refused(make()))


def test_an_array_larger_than_the_limit_is_not_read() -> None:
    x = noise((100, 4, 4))
    assert "x has 1,600 bytes; 1,000 are read at most" in refused(npz(x=x), max_bytes=1_000)
    packed = io.BytesIO(gzip.compress(idx(x)))
    assert "unpacks to more than 1,000 bytes" in refused(packed, max_bytes=1_000)
    pictures = zipped({f"{k}.png": png(each) for k, each in enumerate(x)})
    assert "100 images of 4x4 take 1,600 bytes" in refused(pictures, max_bytes=1_000)


X, Y = noise((5, 4, 4)), np.arange(5, dtype=np.uint8)
BAD_PAIRS: dict[str, tuple[bytes, bytes | None, str]] = {
    "swapped": (idx(Y), idx(X), "no idx file of images"),
    "images twice": (idx(X), idx(X), "no idx file of labels"),
    "fewer labels": (idx(X), idx(Y[:4]), "5 images, but 4 labels"),
    "labels alone": (idx(Y), None, "no idx file of images"),
    "cut": (idx(X)[:50], None, "no idx file of images"),
    "a header alone": (idx(X)[:16], None, "no idx file of images"),
    "cut gzip": (gzip.compress(idx(X))[:40], None, "is damaged"),
    "none": (idx(X[:0]), None, "no idx file of images|has no images"),
    "labels of a zip": (zipped(PHOTOS).getvalue(), idx(Y), "is no idx file, so"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_an_idx_pair_that_does_not_fit_is_explained(case: str) -> None:
    images, labels, said = BAD_PAIRS[case]
    with pytest.raises(DataError, match=said):
        read_images(io.BytesIO(images), None if labels is None else io.BytesIO(labels))


def test_a_source_that_is_nothing_of_the_kind_is_named(tmp_path: Path) -> None:
    folder(tmp_path, {"notes.txt": b"some text", "empty/readme.md": b""})
    assert "notes.txt is no folder, archive or array" in refused(tmp_path / "notes.txt")
    assert "There is no file or folder" in refused(tmp_path / "nowhere")
    assert "There is no file or folder" in refused("x" * 5_000)
    assert "empty holds no images" in refused(tmp_path / "empty")
    assert "holds no images" in refused(zipped({"a.txt": b"text"}))
    assert "The file is no folder" in refused(io.BytesIO(b"text"))
    closed = io.BytesIO(b"text")
    closed.close()
    assert "cannot be read" in refused(closed)


def test_too_few_images_or_unlike_sizes_are_explained() -> None:
    assert "has 3 images; 4 are needed" in refused(zipped({f"{k}.png": GOOD for k in range(3)}))
    unlike = {f"{k}.png": png(noise((6, 9 + k // 4))) for k in range(5)}
    assert "not of one size (6x9 and 6x10, for example); choose a size" in refused(zipped(unlike))
    assert "choose a size of 512x512" in refused(npz(x=noise((4, 600, 2))))


@pytest.mark.parametrize(
    "form",
    [
        {"size": (0, 4)},
        {"size": (4, 513)},
        {"size": (4,)},
        {"size": (4.0, 4)},
        {"fit": "stretch"},
        {"colour": "blue"},
        {"scale": (1, 1)},
        {"scale": (0, float("inf"))},
        {"scale": (0,)},
        {"frames": "last"},
    ],
)
def test_a_form_out_of_its_range_is_named(form: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        ImageForm(**form)
    assert str(next(iter(form.values()))) in str(caught.value)
    assert ImageForm() == replace(ImageForm(), size=None)


def test_dark_or_equal_channels_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    dark = torch.from_numpy(noise((8, 3, 5, 4)) % 16)
    dark[:, 1:] = dark[:, :1]
    parts = [
        ImageDataset("own", split, dark[rows], torch.tensor(labels), class_names=("10", "9", "2"))
        for split, rows, labels in (
            ("train", slice(6), [0, 1, 0, 1, 2, 1]),
            ("test", slice(6, 8), [0, 1]),
        )
    ]
    write_images(tmp_path / "own.npz", *parts)
    survey: list[own_images.Survey] = []
    for ours, theirs in zip(
        read_images(tmp_path / "own.npz", on_survey=survey.append), parts, strict=True
    ):
        assert torch.equal(ours.images, theirs.images)
        assert ours.class_names == theirs.class_names and torch.equal(ours.labels, theirs.labels)
    assert survey[0].notes == () and preview_images(tmp_path / "own.npz").images.shape[1] == 3


def test_the_limits_are_those_of_models() -> None:
    from vae_core.models.config import MAX_SIDE

    assert form.MAX_SIDE == MAX_SIDE
    assert image_source.MAX_BYTES == own_images.MAX_BYTES == 1 << 30


DAMAGED = ("zip", "npz", "idx", "PNG", "JPEG", "MPO", "GIF", "TIFF")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data(), kind=st.sampled_from(DAMAGED))
def test_damaged_bytes_are_read_or_refused(data: st.DataObject, kind: str) -> None:
    pair = [Image.fromarray(each) for each in noise((2, 6, 9))]
    sound = {
        "zip": zipped({f"{k}.png": GOOD for k in range(5)}).getvalue(),
        "npz": npz(x=noise((5, 4, 4)), y=np.arange(5)).getvalue(),
        "idx": gzip.compress(idx(noise((5, 4, 4)))),
        "MPO": saved(pair[0], "MPO", save_all=True, append_images=pair[1:]),
    }
    content = bytearray(sound.get(kind) or png(noise((6, 9)), kind))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) // 2, len(content)))]
    source = io.BytesIO(bytes(content))
    if kind == "MPO" or kind not in sound:
        source = zipped({f"{k}.png": bytes(content) for k in range(4)})
    try:
        train, test = read_images(source, form=ImageForm((4, 4)))
    except DataError:
        return
    assert train.image_shape[1:] == test.image_shape[1:] == (4, 4)
