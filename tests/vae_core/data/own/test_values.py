"""What is black and what is white, whatever the range of the values."""

import io
import math
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.vae_core.arrays import idx
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import Survey, preview_images, read_images
from vae_core.data.own.values import (
    Part,
    UnclearScale,
    Values,
    common_reading,
    to_bytes,
    values_of,
)
from vae_core.errors import DataError

RAMP = np.linspace(0, 1, 8 * 16).reshape(8, 4, 4)  # eight images, black to white


def npz(**arrays: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer


def files(arrays: NDArray[Any], format: str) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k, array in enumerate(arrays):
            file = io.BytesIO()
            Image.fromarray(array).save(file, format)
            bundle.writestr(f"{k}.{format.lower()}", file.getvalue())
    return buffer


def read(source: Any, **form: Any) -> tuple[NDArray[np.uint8], Survey]:
    """All levels in order, and what was found."""
    surveys: list[Survey] = []
    parts = read_images(source, form=ImageForm(**form), on_survey=surveys.append)
    levels = torch.cat([part.images.flatten() for part in parts])
    return np.sort(levels.numpy()), surveys[0]


@pytest.mark.parametrize(
    ("array", "scale", "said"),
    [
        ((RAMP * 255).astype(np.uint8), (0, 255), ""),
        (RAMP * 255, (0, 255), ""),
        (RAMP, (0, 1), ""),
        (RAMP.astype(np.float16), (0, 1), ""),
        (RAMP > 0.5, (0, 1), ""),
        ((RAMP * 65_535).astype(np.uint16), (0, 65_535), ""),
        (RAMP * 1.0002, (0, 1), "from 0 to 1.0002: those outside 0 to 1 are cut off"),
        (RAMP * 1.02, (0, 1), "from 0 to 1.02: those outside"),
        (RAMP - 1e-8, (0, 1), "from -1e-08 to 0.99999999: those outside"),
        (RAMP * 262 - 3.5, (0, 255), "from -3.5 to 258.5: those outside"),
        (RAMP * 2 - 1, (-1, 1), "from -1 to 1: -1 is taken as black and 1 as white"),
        ((RAMP * 4095).astype(np.uint16), (0, 4095), "from 0 to 4,095"),
    ],
)
def test_a_range_that_is_certain_is_read_from_black_to_white(
    array: NDArray[Any], scale: tuple[float, float], said: str
) -> None:
    levels, survey = read(npz(x=array))
    assert survey.reading.scale == scale and levels[0] == 0 and levels[-1] == 255
    assert said in " ".join(survey.notes) and bool(said) == bool(survey.notes)
    assert len(np.unique(levels)) == min(len(np.unique(array.clip(*scale))), 256)


def with_one(value: float, array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array[3, 2, 1] = value
    return array


@pytest.mark.parametrize(
    ("array", "scales"),
    [
        (RAMP * 1.14, [(0, 1.14)]),
        (RAMP - 0.5, [(-0.5, 0.5), (-1, 1)]),
        (np.rint(RAMP * 16), [(0, 16), (0, 255)]),
        ((RAMP * 100).astype(np.uint8), [(0, 100), (0, 255), (0, 4095)]),
        ((RAMP * 20_000).astype(np.uint16), [(0, 20_000), (0, 65_535)]),
        ((RAMP * 510).astype(int), [(0, 510), (0, 4095)]),
        (RAMP / 255, [(0, 1 / 255)]),
        ((RAMP * 255 - 128).astype(np.int8), [(-128, 127)]),
        (with_one(2.0, RAMP), [(0, 1), (0, 2)]),
        (with_one(255.0, RAMP), [(0, 1), (0, 255), (0, 4095)]),
        (with_one(-1, RAMP), [(0, 1), (-1, 1)]),
        (with_one(65_535, (RAMP * 4095).astype(np.uint16)), [(0, 4095), (0, 65_535)]),
    ],
)
def test_a_range_that_is_not_certain_is_asked_for(
    array: NDArray[Any], scales: list[tuple[float, float]]
) -> None:
    shown = preview_images(npz(x=np.repeat(array, 20, 0)))
    assert shown.reading.doubt and np.allclose(shown.reading.scales, scales)
    with pytest.raises(UnclearScale, match=r"say which value is black .* as scale=\(") as caught:
        read(npz(x=np.repeat(array, 20, 0)))
    black, white = caught.value.reading.scale
    assert f"--scale={black:.9g}:{white:.9g}" in str(caught.value)
    levels, survey = read(npz(x=array), scale=scales[-1])
    assert levels[-1] > 0 and survey.reading.doubt == ""


@pytest.mark.parametrize("white", [1, 15, 16, 63, 100, 255, 1023, 4095, 16_383, 65_535])
def test_whole_numbers_in_files_arrays_and_idx_are_read_alike(white: int) -> None:
    kind = np.uint8 if white < 256 else np.uint16
    array = np.rint(RAMP * white).astype(kind)
    expected, survey = read(npz(x=array), scale=(0, white))
    assert survey.values == Values(0, white, whole=True) and expected[-1] == 255
    sources = [files(array, format) for format in ("PNG", "TIFF")]
    sources += [io.BytesIO(idx(array))] if kind == np.uint8 else []
    for source in sources:
        levels, found = read(source, scale=(0, white))
        assert np.array_equal(levels, expected) and found.values == survey.values


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "JPEG"])
@pytest.mark.parametrize("white", [20, 60, 200])
def test_files_of_8_bits_are_0_to_255_however_dark(format: str, white: int) -> None:
    levels, survey = read(files(np.rint(RAMP * white).astype(np.uint8), format))
    assert survey.reading.scale == (0, 255) and not survey.reading.doubt
    assert levels[-1] == survey.values.high and abs(int(levels[-1]) - white) < 4


def test_fractions_in_files_are_read_as_in_arrays() -> None:
    array = (RAMP * 2 - 1).astype(np.float32)
    assert np.array_equal(read(files(array, "TIFF"))[0], read(npz(x=array))[0])


def test_files_of_unlike_depths_have_each_their_scale() -> None:
    buffer = files((RAMP[:4] * 255).astype(np.uint8), "PNG")
    with zipfile.ZipFile(buffer, "a") as bundle:
        for k, array in enumerate((RAMP[4:] * 4095).astype(np.uint16)):
            file = io.BytesIO()
            Image.fromarray(array).save(file, "PNG")
            bundle.writestr(f"deep{k}.png", file.getvalue())
    levels, survey = read(buffer)
    assert levels[-1] == 255
    said = "of 8 bits from 0 to 255, of more than 8 bits from 0 to 4,095"
    assert said in " ".join(survey.notes)


@pytest.mark.parametrize("make", [lambda x: npz(x=x), lambda x: files(x, "PNG")])
def test_a_scale_that_is_given_is_kept_to(make: Any) -> None:
    array = np.rint(RAMP * 16).astype(np.uint8)
    assert read(make(array), scale=(0, 255))[0][-1] == 16
    assert read(make(array), scale=(0, 32))[0][-1] == 128
    inverted, survey = read(make(array), scale=(16, 0))
    upright, _ = read(make(array), scale=(0, 16))
    assert np.array_equal(np.unique(inverted), np.unique(upright)) and not survey.notes
    cut, survey = read(make(array), scale=(0, 8))
    assert (cut == 255).mean() > 0.4
    assert survey.notes == ("The values run from 0 to 16: those outside 0 to 8 are cut off there.",)
    with pytest.raises(DataError, match="every pixel is black, with values from 0 to 16"):
        read(make(array), scale=(0, 65_535))


def test_parts_of_unlike_scales_are_read_by_the_one_that_is_given() -> None:
    parts = {"x_train": RAMP, "x_test": RAMP[:4] * 255}
    with pytest.raises(DataError, match="unlike scales"):
        preview_images(npz(**parts))
    levels, survey = read(npz(**parts), scale=(0, 1))
    assert levels[-1] == 255 and "outside 0 to 1" in " ".join(survey.notes)
    both, _ = read(npz(x_train=RAMP, x_test=RAMP[:1] / 9))  # dark, but of the same scale
    assert both[-1] == 255


def levels(white: int, kind: type = np.uint8, n: int = 8) -> NDArray[Any]:
    return np.rint(RAMP[-n:] * white).astype(kind)


UNLIKE = {
    "bits to learn": (levels(1), levels(255)),
    "bits to test": (levels(255), levels(1)),
    "bytes in 16 bits": (levels(255, np.uint16), levels(65_535, np.uint16)),
    "12 bits in 16": (levels(4095, np.uint16), levels(65_535, np.uint16)),
    "fractions": (RAMP.astype(np.float32), (RAMP * 255).astype(np.float32)),
}


def in_parts(train: NDArray[Any], test: NDArray[Any]) -> io.BytesIO:
    """A zip of train/ and test/; fractions as TIFF."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for part, arrays in (("train", train), ("test", test)):
            for k, array in enumerate(arrays):
                file = io.BytesIO()
                Image.fromarray(array).save(file, "TIFF" if array.dtype.kind == "f" else "PNG")
                bundle.writestr(f"{part}/{k}", file.getvalue())
    return buffer


@pytest.mark.parametrize("case", UNLIKE)
def test_parts_of_unlike_ranges_are_refused_unless_a_scale_is_given(case: str) -> None:
    train, test = UNLIKE[case]
    for source in (npz(x_train=train, x_test=test), in_parts(train, test)):
        with pytest.raises(DataError, match="unlike scales") as caught:
            preview_images(source)
        assert all(f"{x.max():,.0f}" in str(caught.value) for x in (train, test))
        assert read(source, scale=(0, float(test.max())))[1].n == 16


def deep_png(array: NDArray[Any]) -> bytes:
    """A PNG of 16 bits, (h, w, 2) grey with alpha or (h, w, 3), which Pillow does not write."""
    h, w, c = array.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    head = struct.pack(">IIBBBBB", w, h, 16, {2: 4, 3: 2}[c], 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("channels", [2, 3])
def test_colours_of_16_bits_are_said_to_be_read_at_8(channels: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k, image in enumerate(levels(4095, np.uint16)):
            array = np.dstack([image] * channels)
            if channels == 2:
                array[..., 1] = 65_535
            bundle.writestr(f"{k}.png", deep_png(array))
    found = preview_images(buffer)
    assert found.values.high == 15 and found.reading.scales == ((0, 15), (0, 255))
    assert found.reading.doubt  # 12 bits of 16, or dark
    assert any("the upper 8 are read" in note for note in found.notes)
    with pytest.raises(DataError, match="upper 8 are read; choose a scale up to 255"):
        preview_images(buffer, form=ImageForm(scale=(0, 4095)))
    assert preview_images(buffer, form=ImageForm(scale=(0, 255))).reading.scale == (0, 255)


def test_a_part_that_is_darker_is_read_and_few_dark_images_are_told() -> None:
    for make in (lambda a, b: npz(x_train=a, x_test=b), in_parts):
        assert read(make(levels(255), levels(100)))[1].notes == ()
        assert read(make(levels(255), levels(0)))[1].notes == ()
        (note,) = read(make(levels(255), levels(1, n=3)))[1].notes
        assert "run from 0 to 255" in note and "run from 1 to 1" in note and "on one scale" in note


numbers = st.floats(-1e5, 1e5)


@given(low=numbers, high=numbers, whole=st.booleans())
def test_any_range_has_a_scale_that_no_more_than_trims_it_or_is_asked_for(
    low: float, high: float, whole: bool
) -> None:
    low, high = sorted((round(low), round(high)) if whole else (low, high))
    values = values_of(np.linspace(low, high, 5 if whole else 7))
    parts = {"x": Part(values, 1)}
    reading = common_reading("x", parts, None, one_type=True, in_bytes=False)
    assert all(math.isfinite(white) and black < white for black, white in reading.scales)
    if low < high:
        assert any(
            abs(black - values.low) + abs(white - values.high) < 0.25 * (white - black)
            for black, white in reading.scales
        )
    if not reading.doubt:
        black, white = reading.scale
        assert low >= black - 0.11 * (white - black) and high <= white + 0.11 * (white - black)


@given(st.integers(0, 255))
def test_a_byte_stays_what_it_is_through_any_scale(level: int) -> None:
    for black, white in ((0, 1), (-1, 1), (0, 65_535), (0, 510)):
        value = np.array([black + level / 255 * (white - black)])
        assert to_bytes(value, (black, white)) == [level]
