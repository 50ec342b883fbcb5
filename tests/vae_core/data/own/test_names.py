"""Names of files, folders and classes, whoever wrote them."""

import io
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_core.data.own.arrays import UnclearAxes
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import preview_images, read_images, write_images
from vae_core.errors import ConfigError, DataError


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    level = np.random.default_rng(seed).integers(0, 256, (5, 5), dtype=np.uint8)
    Image.fromarray(level).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(*names: str, extra: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k, name in enumerate(names):
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.extra = name, extra  # ZipInfo's own would turn a backslash round
            bundle.writestr(info, png(k))
    return buffer.getvalue()


def classes(data: bytes) -> dict[str, int]:
    return preview_images(io.BytesIO(data)).class_sizes


def test_backslashes_stand_between_folders() -> None:
    assert classes(zipped(*(f"{'ab'[k % 2]}\\{k}.png" for k in range(8)))) == {"a": 4, "b": 4}


def test_names_that_begin_with_the_folder_itself_are_read() -> None:
    files = [f"./{'ab'[k % 2]}/{k}.png" for k in range(8)]
    assert classes(zipped("./", *files)) == {"a": 4, "b": 4}


def test_a_name_that_begins_at_a_drive_is_refused_as_such() -> None:
    with pytest.raises(DataError, match=r"C:/pics/a/0\.png, .* as it begins at a drive"):
        classes(zipped(*(f"C:\\pics\\a\\{k}.png" for k in range(8))))


@pytest.mark.parametrize("name", ["..\\x.png", "C:\\x.png", "\\x.png", "a/..\\..\\x.png"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="is a link or leads out of the archive"):
        preview_images(io.BytesIO(zipped(*(f"{k}.png" for k in range(4)), name)))


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="a file without a name"):
        preview_images(io.BytesIO(zipped(*(f"{k}.png" for k in range(4)), "\0x")))


def test_names_are_utf_8_also_where_the_flag_is_missing() -> None:
    data = zipped(*(f"{'QQ' if k % 2 else 'WW'}/{k}.png" for k in range(8)))
    data = data.replace(b"QQ/", "é/".encode()).replace(b"WW/", "ü/".encode())
    assert classes(data) == {"é": 4, "ü": 4}
    assert preview_images(io.BytesIO(data)).notes == ()


def test_names_of_the_old_code_page_are_read_so_and_said() -> None:
    data = zipped(*(f"{'Q' if k % 2 else 'W'}/{k}.png" for k in range(8)))
    data = data.replace(b"Q/", "é/".encode("cp437")).replace(b"W/", "ü/".encode("cp437"))
    preview = preview_images(io.BytesIO(data))
    assert preview.class_sizes == {"é": 4, "ü": 4}
    assert "The archive does not say how it writes names such as ü/0.png" in preview.notes[0]


def test_a_name_in_unicode_beside_an_old_one_counts() -> None:
    old, new = "?/0.png", "ж/0.png".encode()
    field = b"\1" + struct.pack("<L", zlib.crc32(old.encode())) + new
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    buffer = io.BytesIO(zipped(old, extra=extra))
    with zipfile.ZipFile(buffer, "a") as bundle:
        for k in range(1, 6):
            bundle.writestr(f"a/{k}.png", png(k))
    assert classes(buffer.getvalue()) == {"a": 5, "ж": 1}


def test_a_file_that_an_archive_has_twice_is_its_later_self() -> None:
    preview = preview_images(io.BytesIO(zipped(*(f"{k}.png" for k in range(5)), "0.png")))
    assert preview.n == 5 and "Of a file that the archive has twice" in preview.notes[0]
    assert (
        preview.images[0, 0].numpy().tobytes()
        == np.asarray(Image.open(io.BytesIO(png(5)))).tobytes()
    )


@pytest.mark.parametrize("as_folder", [True, False])
def test_composed_and_decomposed_accents_are_one_class(tmp_path: Path, as_folder: bool) -> None:
    names = [
        f"{'train' if k < 4 else 'test'}/{unicodedata.normalize(form, 'éü'[k % 2])}/{k}.png"
        for k, form in enumerate(["NFC"] * 4 + ["NFD"] * 4)
    ]
    if as_folder:
        for k, name in enumerate(names):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(png(k))
        assert preview_images(tmp_path).class_sizes == {"é": 4, "ü": 4}
    else:
        assert classes(zipped(*names)) == {"é": 4, "ü": 4}


@pytest.mark.parametrize(
    "names",
    [
        ["0", "1", "2", "10", "11", "100"],
        ["00", "01", "02", "10", "11"],
        ["-10", "-1", "3", "17", "99"],
        ["class 2", "class 10", "class 10b", "other"],
        ["0.5", "1.5", "10.5"],
        ["01", "1", "2"],
        ["Cat", "Dog", "ant"],
    ],
)
def test_numbers_in_the_names_of_classes_are_in_order(names: list[str]) -> None:
    files = [f"{name}/{k}.png" for k in range(4) for name in reversed(names)]
    assert list(classes(zipped(*files))) == names
    arrays = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 256, (4 * len(names), 4, 5), dtype=np.uint8)
    np.savez(arrays, x=x, y=np.array(names[::-1] * 4))
    assert list(preview_images(arrays).class_sizes) == names


def test_numbers_that_are_labels_keep_their_order_and_gaps() -> None:
    arrays = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 256, (12, 4, 5), dtype=np.uint8)
    np.savez(arrays, x=x, y=np.array([99, -1, 17, 3] * 3))
    assert preview_images(arrays).class_sizes == {"-1": 3, "3": 3, "17": 3, "99": 3}


def test_the_labels_tell_which_axis_counts_images() -> None:
    x = np.random.default_rng(0).integers(0, 256, (8, 6, 6), dtype=np.uint8)
    arrays = io.BytesIO()
    np.savez(arrays, x=np.moveaxis(x, 0, -1), y=np.arange(8) // 4)
    preview = preview_images(arrays, n=8)
    assert preview.n == 8 and np.array_equal(preview.images[:, 0].numpy(), x)


@pytest.mark.parametrize(
    ("held", "names", "classes", "said"),
    [
        ([0, 1, 3], "a b c d", "a b c d", None),
        ([1, 2, 3], "a b c", "a b c", "count class_names from 1"),
        ([1, 2, 3], "a b", "1 2 3", "it has 2 names, and the labels run from 1 to 3"),
        ([0, 5, 9], "a b c", "0 5 9", "it has 3 names, and the labels run from 0 to 9"),
        (["x", "y", "z"], "a b c", "x y z", "the labels are names themselves"),
    ],
)
def test_names_of_classes_go_with_their_labels_or_it_is_said_why_not(
    held: list[int] | list[str], names: str, classes: str, said: str | None
) -> None:
    x = np.random.default_rng(0).integers(0, 256, (12, 6, 5), dtype=np.uint8)
    arrays = io.BytesIO()
    np.savez(arrays, x=x, y=np.array(held * 4), class_names=np.array(names.split()))
    preview = preview_images(arrays, n=12)
    assert list(preview.class_sizes) == classes.split()
    assert [list(preview.class_sizes.values())[k] for k in preview.labels[:3]] == [4] * 3
    assert len(preview.notes) == (said is not None)
    assert said is None or said in preview.notes[0]


@pytest.mark.parametrize(
    ("shape", "labels", "n", "said"),
    [
        ((10, 12, 40), None, 10, "first axis is taken to count the images, not the last"),
        ((16, 16, 16), 16, 16, "first axis is taken"),
        ((16, 18, 8), None, 16, "first axis is taken"),
        ((16, 18, 8), 16, 16, ""),
        ((16, 18, 8), 8, 8, "last axis counts the images, as there are 8 labels"),
        ((16, 3, 16, 3), None, 16, "last axis is taken for the channels"),
        ((16, 9, 16, 3), None, 16, ""),
        ((40, 28, 28), None, 40, ""),
        ((400, 28, 20), None, 400, ""),
    ],
)
def test_which_axis_counts_is_said_where_it_is_not_clear(
    shape: tuple[int, ...], labels: int | None, n: int, said: str
) -> None:
    arrays = {"x": np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)}
    if labels is not None:
        arrays["y"] = np.arange(labels) % 2
    file = io.BytesIO()
    np.savez(file, **arrays)
    preview = preview_images(file)
    axes = [note for note in preview.notes if "axis" in note]
    assert preview.n == n and len(axes) == bool(said) and said in "".join(axes)


@pytest.mark.parametrize(
    ("shape", "axes", "wanted"),
    [
        ((16, 16, 8), "hwn", (8, 1, 16, 16)),
        ((16, 16, 8), "nhw", (16, 1, 16, 8)),
        ((16, 18, 8), "hwn", (8, 1, 16, 18)),
        ((16, 3, 20, 3), "nchw", (16, 3, 20, 3)),
        ((16, 3, 20, 3), "nhwc", (16, 3, 3, 20)),
        ((20, 22, 3, 9), None, (9, 3, 20, 22)),  # as MATLAB writes colour
        ((20, 3, 3, 9), "hwcn", (9, 3, 20, 3)),
    ],
)
def test_the_axes_can_be_chosen_where_they_are_not_clear(
    shape: tuple[int, ...], axes: str | None, wanted: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, x=x)
    preview = preview_images(file, form=ImageForm(axes=axes), n=100)
    assert tuple(preview.images.shape) == wanted and bool(preview.notes) == (axes is None)
    assert axes is None or axes in preview.axes
    counted = np.moveaxis(x, (axes or "hwcn").index("n"), 0)
    assert preview.images[0].sum() == counted[0].sum()


def test_which_axes_may_be_meant_is_told_with_the_refusal() -> None:
    file = io.BytesIO()
    np.savez(file, x=np.zeros((16, 16, 8), np.uint8))
    with pytest.raises(UnclearAxes, match="--axes hwn") as refused:
        preview_images(file)
    assert refused.value.axes == ("hwn", "nhw")
    with pytest.raises(DataError, match=r"x is uint8 \(16, 16, 8\); numbers \(n, h, w, c\)"):
        preview_images(file, form=ImageForm(axes="nhwc"))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_last_axis_as_of_channels_is_said_to_be_none(channels: int) -> None:
    file = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 256, (40, 28, channels), dtype=np.uint8)
    np.savez(file, x=x)
    [note] = preview_images(file).notes
    assert f"40 images of 28x{channels} pixels, not one of 40x28" in note


def test_arrays_that_are_not_read_are_named() -> None:
    arrays = io.BytesIO()
    x = np.random.default_rng(0).integers(0, 256, (8, 6, 5), dtype=np.uint8)
    np.savez(
        arrays, x=x, y=np.arange(8) // 4, latents=np.zeros((8, 2), complex), subject=np.arange(9)
    )
    assert preview_images(arrays).notes == ("Arrays that are not read: latents, subject.",)


@pytest.mark.parametrize(
    ("names", "told"),
    [(["a", "b" * 81], "name of 81 characters; 80 are"), ([str(k) for k in range(1_001)], "1,001")],
)
def test_names_without_end_are_refused(names: list[str], told: str) -> None:
    file = io.BytesIO()
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 5), dtype=np.uint8)
    np.savez(file, x=images, y=np.arange(8) % 2, class_names=np.array(names))
    with pytest.raises(DataError, match=told):
        classes(file.getvalue())


def test_a_folder_s_name_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="name of 81 characters; 80 are"):
        classes(zipped(*(f"{'a' * (80 + k % 2)}/{k}.png" for k in range(8))))


def packed_in(encoding: str, *names: str) -> bytes:
    """A zip of images under names of this encoding, of which it says nothing."""
    packed = [name.encode(encoding) for name in names]
    data = zipped(*("Q" * len(each) + f"{k:02}" for k, each in enumerate(packed)))
    for k, each in enumerate(packed):
        data = data.replace(b"Q" * len(each) + b"%02d" % k, each + b"%02d" % k)
    return data


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", ["メガネ", "ソフト"]),
        ("cp932", ["表", "能"]),  # whose second byte is that of a backslash
        ("gb18030", ["猫", "狗"]),
        ("cp949", ["강아지", "고양이"]),
        ("cp950", ["蘋果", "貓"]),
        ("cp850", ["får", "rød"]),
        ("cp1252", ["café", "Größe"]),
        ("cp866", ["кошка", "собака"]),
        ("cp1251", ["Кот", "Пёс"]),
    ],
)
def test_the_encoding_of_names_is_guessed_and_said(encoding: str, names: list[str]) -> None:
    files = [f"{names[k % 2]}/{k}.png" for k in range(8)]
    preview = preview_images(io.BytesIO(packed_in(encoding, *files)))
    assert {*preview.class_sizes} == {*names} and preview.encodings[0] == encoding
    assert f"({encoding})" in preview.notes[0] and "does not say" in preview.notes[0]


def test_the_encoding_of_names_can_be_chosen(tmp_path: Path) -> None:
    data = packed_in("cp850", *(f"{'éø'[k % 2]}/{k}.png" for k in range(8)))
    chosen = ImageForm(names="cp866")
    preview = preview_images(io.BytesIO(data), form=chosen)
    assert list(preview.class_sizes) == ["В", "Ы"] and preview.notes == ()
    train, test = read_images(io.BytesIO(data), form=chosen)
    write_images(tmp_path / "own.npz", train, test)
    assert preview_images(tmp_path / "own.npz").class_sizes == {"В": 4, "Ы": 4}


def test_what_names_are_not_written_in_is_refused_in_a_sentence() -> None:
    data = packed_in("cp1251", *(f"{('кот', 'пёс')[k % 2]}/{k}.png" for k in range(8)))
    with pytest.raises(DataError, match="not written in cp932; choose one of cp1251, "):
        preview_images(io.BytesIO(data), form=ImageForm(names="cp932"))
    for encoding in ("klingon", "utf-16", "hex"):
        with pytest.raises(ConfigError, match=f"'{encoding}' is no encoding of names"):
            ImageForm(names=encoding)


def test_all_names_of_an_archive_are_in_one_encoding() -> None:
    names = ["ﾂｱ", "メガネ"]  # the first is UTF-8 as well
    data = packed_in("cp932", *(f"{names[k % 2]}/{k}.png" for k in range(8)))
    assert classes(data) == {"ﾂｱ": 4, "メガネ": 4}


@pytest.mark.parametrize("folder", ["cats", "train/cats", "photos/cats"])
def test_the_name_of_a_single_folder_is_said_to_be_no_class(folder: str) -> None:
    preview = preview_images(io.BytesIO(zipped(*(f"{folder}/{k}.png" for k in range(8)))))
    assert preview.class_sizes == {} and preview.notes == (
        "All lie in one folder, whose name is no class: cats.",
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("shot\u202f1", "shot 1"),  # as macOS writes the time
        ("a\u00a0b", "a b"),
        ("می\u200cشود", "می\u200cشود"),
        ("👩\u200d🌾", "👩\u200d🌾"),
        ("a\u202eb", "a?b"),
    ],
)
def test_a_class_keeps_its_name_whatever_its_spaces_and_joiners(name: str, shown: str) -> None:
    files = [f"{(name, 'other')[k % 2]}/{k}.png" for k in range(8)]
    assert classes(zipped(*files)) == {shown: 4, "other": 4}


def test_classes_that_a_part_lacks_are_named() -> None:
    parts = {"train": "ab", "test": "ac"}
    files = [f"{part}/{c}/{k}.png" for part, held in parts.items() for c in held for k in range(3)]
    assert preview_images(io.BytesIO(zipped(*files))).notes == (
        "Classes without an image to learn from: c.",
        "Classes without an image in the test: b.",
    )


def test_backslashes_beside_slashes_are_said() -> None:
    preview = preview_images(io.BytesIO(zipped(*(f"{'ab'[k % 2]}/x\\{k}.png" for k in range(8)))))
    assert preview.class_sizes == {"a": 4, "b": 4}
    assert preview.notes[0].startswith("Backslashes are read as slashes: a/x\\0.png")
