"""Images in files of other programs: read as they stand there, or refused by their right name."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pillow_heif
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import scipy.io
from PIL import Image

from vae_core.data.image_dataset import ImageDataset
from vae_core.data.own import containers
from vae_core.data.own.foreign import conversion
from vae_core.data.own.images import Survey, read_images
from vae_core.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 6, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 6, 7, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def saved(array: Any, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, **options)
    return buffer.getvalue()


def tar(path: Path, files: dict[str, bytes | str], mode: str = "w") -> Path:
    """An archive of files; text is what a link leads to."""
    with tarfile.open(path, mode) as bundle:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname, content = tarfile.SYMTYPE, content, b""
            member.size = len(content)
            bundle.addfile(member, io.BytesIO(content))
    return path


def hdf5(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace("__", "/"), data=array, compression="gzip")
    return path


def matlab_7_3(path: Path) -> Path:
    """As MATLAB writes an (h, w, n) array: by columns, behind a text of its own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in {"X": GREY.transpose(1, 2, 0), "y": LABELS[None] * 1.0}.items():
            file[name] = array.T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\0\2IM"
    with path.open("r+b") as file:
        file.write(text)
    return path


def matlab_5(path: Path) -> Path:
    scipy.io.savemat(path, {"X": COLOUR.transpose(1, 2, 3, 0), "y": LABELS[:, None] * 1.0})
    return path


def hugging_face(path: Path, rows: slice = slice(None)) -> Path:
    names = ["cat", "a/dog", "emu"]
    features = {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    table = pa.table(
        {
            "image": [{"bytes": saved(x), "path": f"{k}.png"} for k, x in enumerate(COLOUR[rows])],
            "label": LABELS[rows],
            "age": np.arange(12)[rows] * 2.5,
            "boxes": [[1, 2]] * len(LABELS[rows]),
        },
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path)
    return path


def hugging_face_folder(path: Path) -> Path:
    (path / "data").mkdir(parents=True)
    hugging_face(path / "data" / "train-00000-of-00001.parquet", slice(0, 9))
    hugging_face(path / "data" / "test-00000-of-00001.parquet", slice(9, 12))
    return path


def npy(path: Path) -> Path:
    with path.open("wb") as file:
        np.save(file, COLOUR)
    return path


def photos(suffix: str, format: str, **options: Any) -> dict[str, bytes]:
    return {
        f"{LABELS[k]}/{k:02}{suffix}": saved(x, format, **options) for k, x in enumerate(COLOUR)
    }


MAKERS: dict[str, Callable[[Path], Path]] = {
    "x.npy": npy,
    "x.h5": lambda path: hdf5(path, images=COLOUR, labels=LABELS, names=["a", "b"]),
    "v5.mat": matlab_5,
    "v7.3.mat": matlab_7_3,
    "x.parquet": hugging_face,
    "x.tar": lambda path: tar(path, {f"./{k}": v for k, v in photos(".png", "PNG").items()}),
    "x.tar.gz": lambda path: tar(path, photos(".png", "PNG"), "w:gz"),
    "folder of parquet": hugging_face_folder,
}


def read(source: Any) -> tuple[ImageDataset, Survey]:
    surveys: list[Survey] = []
    train, test = read_images(source, on_survey=surveys.append)
    return train.joined(test), surveys[0]


@pytest.mark.parametrize("name", MAKERS)
def test_every_pixel_and_label_of_a_foreign_file_is_read(name: str, tmp_path: Path) -> None:
    path = MAKERS[name](tmp_path / name)
    found, survey = read(path)
    expected = GREY[:, None] if name == "v7.3.mat" else COLOUR.transpose(0, 3, 1, 2)
    held = {image.tobytes(): k for k, image in enumerate(expected)}
    rows = [held[image.numpy().tobytes()] for image in found.images]
    assert sorted(rows) == list(range(12))
    if name != "x.npy":
        named = ("a_dog", "cat", "emu") if "parquet" in name else ("0", "1", "2")
        right = np.array([1, 0, 2])[LABELS] if "parquet" in name else LABELS
        assert found.class_names == named and found.labels.tolist() == right[rows].tolist()
    if "parquet" in name:
        assert "Columns that are not read: boxes." in survey.notes
        assert found.factor_names == ("age",)
        assert found.factors[:, 0].tolist() == [2.5 * row for row in rows]
    if path.is_dir():
        assert survey.n_test == 3
    else:
        assert read(io.BytesIO(path.read_bytes()))[0].images.shape == found.images.shape


def test_groups_of_an_hdf5_file_part_the_images(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x.h5", train__x=GREY[:8], test__x=GREY[8:])
    train, test = read_images(path)
    assert np.array_equal(train.images[:, 0], GREY[:8]) and len(test) == 4


def test_heic_and_avif_are_read_beside_jpeg(tmp_path: Path) -> None:
    smooth = np.stack([np.linspace(10 * k, 255, 32 * 32 * 3) for k in range(12)])
    smooth = smooth.reshape(12, 32, 32, 3).astype(np.uint8)
    smooth[..., 2] //= 2
    for k, image in enumerate(smooth):
        if k < 4:
            pillow_heif.from_pillow(Image.fromarray(image)).save(tmp_path / f"{k:02}.heic")
        else:
            kind = "AVIF" if k < 8 else "JPEG"
            (tmp_path / f"{k:02}.{kind.lower()}").write_bytes(saved(image, kind, quality=95))
    found, survey = read(tmp_path)
    assert survey.notes == () and survey.reading.scale == (0, 255)
    means = smooth.mean((1, 2, 3))
    assert np.allclose(np.sort(found.images.float().mean((1, 2, 3))), np.sort(means), atol=3)


def refused(source: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(source)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def test_what_leads_out_of_a_file_is_never_followed(tmp_path: Path) -> None:
    secret = hdf5(tmp_path / "secret.h5", x=GREY)
    np.asarray(GREY).tofile(tmp_path / "raw")
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink(str(secret), "x")
    assert "it holds none" in refused(tmp_path / "link.h5")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        place = [(str(tmp_path / "raw"), 0, GREY.nbytes)]
        file.create_dataset("x", GREY.shape, "u1", external=place)
    assert "lies in other files" in refused(tmp_path / "external.h5")
    layout = h5py.VirtualLayout(GREY.shape, "u1")
    layout[:] = h5py.VirtualSource(str(secret), "x", GREY.shape)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    assert "lies in other files" in refused(tmp_path / "virtual.h5")
    for name, content in {
        "../x.png": saved(GREY[0]),
        "/x.png": b"x",
        "x.png": "/etc/passwd",
    }.items():
        path = tar(tmp_path / "x.tar", photos(".png", "PNG") | {name: content})
        assert "is a link or leads out" in refused(path)


def test_what_would_fill_memory_or_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", (50_000, 512, 512), "u1", chunks=(1, 512, 512))
    assert "13,107,200,000 bytes; 1,073,741,824 are read at most" in refused(tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        options = {"maxshape": (None, 512, 512), "chunks": (8_000, 512, 512)}
        file.create_dataset("x", (5, 512, 512), "u1", **options)
    assert "in blocks of more than" in refused(tmp_path / "x.h5")
    monkeypatch.setattr(containers, "MIN_LARGE_BYTES", 100_000)
    path = tar(tmp_path / "x.tar.gz", {"x.png": bytes(1_000_000)}, "w:gz")
    assert "unpacks to more than 100,000 bytes" in refused(path)
    monkeypatch.setattr(containers, "MAX_FILES", 3)
    assert "3 are read at most" in refused(tar(tmp_path / "x.tar", photos(".png", "PNG")))


@pytest.mark.parametrize("name", ["x.h5", "v5.mat", "x.parquet", "x.tar.gz"])
def test_a_damaged_foreign_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    data = MAKERS[name](tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert "damaged" in refused(tmp_path / name)


def test_a_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hdf5(tmp_path / "x.h5", x=GREY)
    monkeypatch.setattr(conversion, "find_spec", lambda _: None)
    assert 'h5py reads: pip install "zscape[hdf5]"' in refused(path)


UNREAD = {
    "a.dcm": (b"\0" * 128 + b"DICM", "is DICOM, which is not read"),
    "a.nii.gz": (gzip.compress(b"\x5c\1\0\0" + bytes(340) + b"n+1\0"), "is NIfTI"),
    "a.fits": (b"SIMPLE  =  T", "is FITS"),
    "a.ico": (b"\0\0\1\0\1\0" + bytes(90), "is an icon"),
    "a.svg": (b'<?xml version="1.0"?>\n<svg/>', "is SVG, a drawing"),
    "a.pcx": (saved(COLOUR[0], "PCX"), "is PCX, which is not read"),
    "a.sgi": (saved(COLOUR[0], "SGI"), "is SGI"),
    "a.xbm": (b"#define im_width 8\n#define im_height 8\n", "is XBM"),
    "a.qoi": (b"qoif" + bytes(90), "is QOI"),
    "a.icns": (b"icns" + bytes(90), "is an icon"),
    "a.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is PostScript, a drawing"),
    "a.nef": (saved(GREY[0], "TIFF"), "is a camera's raw file"),
    "a.mp4": (b"\0\0\0\x18ftypisom" + bytes(90), "is a film; save its frames"),
    "a.pt": (b"\x80\2}q\0.", "is a pickle, which is never loaded"),
    "a.7z": (b"7z\xbc\xaf" + bytes(90), "is a 7z archive"),
    "a.txt": (b"hello", "is no folder, archive or array of images"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_refused_by_its_right_name(name: str, tmp_path: Path) -> None:
    data, said = UNREAD[name]
    (tmp_path / name).write_bytes(data)
    assert f"{name} {said}" in refused(tmp_path / name)


def test_an_unread_image_among_others_is_named_and_counted(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k, image in enumerate(COLOUR):
            bundle.writestr(f"{k}.png", saved(image))
        for name in ("a.dcm", "a.nef", "a.txt"):
            bundle.writestr(name, UNREAD[name][0])
    found, survey = read(buffer)
    assert len(found) == 12 and "2 images cannot be read: a.dcm (is DICOM" in survey.notes[0]
    assert "a.txt" in survey.notes[1]
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as bundle:
        bundle.writestr("x/data.pkl", b"")
    assert "x.pt is PyTorch's own file, a pickle" in refused(tmp_path / "x.pt")
    os.mkdir(tmp_path / "arrays")
    npy(tmp_path / "arrays" / "0.npy")
    assert "by np.stack" in refused(tmp_path / "arrays")


USED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)
print(done.stdout, done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def one_long_text(path: Path) -> Path:
    """A few MB, whose texts would be a thousand times as long as an array of one width."""
    texts = ["a" * 4_000_000] + ["b"] * 200
    return hdf5(path, images=COLOUR, names=np.array(texts, dtype=h5py.string_dtype()))


def one_image_often(path: Path) -> Path:
    """A few KB, in which 64 rows refer to one image of 60 MB of zeros."""
    often = pa.DictionaryArray.from_arrays(
        pa.array([0] * 64, pa.int32()), pa.array([b"\x89PNG" + bytes(60_000_000)], pa.binary())
    )
    names = pa.array([f"{k}.png" for k in range(64)])
    column = pa.StructArray.from_arrays([often, names], names=["bytes", "path"])
    parquet.write_table(pa.table({"image": column}), path, compression="zstd")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no system limits memory")
@pytest.mark.parametrize(
    ("kind", "bomb", "why"),
    [
        ("hdf5", one_long_text, "has an array, names, of"),
        ("parquet", one_image_often, "takes more memory than there is for it"),
    ],
)
def test_a_small_file_never_takes_gigabytes(
    kind: str, bomb: Callable[[Path], Path], why: str, tmp_path: Path
) -> None:
    bomb(tmp_path / "bomb")
    reader = [sys.executable, "-P", str(conversion.READER), kind, str(96 << 20)]
    # By a small process between: what a child has used begins with what its parent holds.
    done = subprocess.run(
        [sys.executable, "-c", USED, *reader, str(tmp_path / "made.zip"), str(tmp_path / "bomb")],
        env=os.environ | conversion.ALONE,
        capture_output=True,
        text=True,
        check=True,
    )
    said, code, used = done.stdout.rsplit(maxsplit=2)
    assert int(code) == conversion.UNREADABLE and why in said
    assert int(used) < 1_200_000  # KB


@pytest.mark.skipif(sys.platform == "win32", reason="a parent that is gone is not told there")
def test_the_reader_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "long.h5", "w") as file:  # hours, where nothing is too much
        for k in range(900):
            file.create_dataset(f"x{k}", (40, 1000, 1000), np.uint8, chunks=True, fillvalue=k % 200)
    server = (
        "import subprocess, sys; from vae_core.data.own.foreign.conversion import READER;"
        "reader = subprocess.Popen([sys.executable, '-P', READER, 'hdf5', str(1 << 40),"
        " *sys.argv[1:]]); print(reader.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", server, str(tmp_path / "made.zip"), str(tmp_path / "long.h5")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as started:
        assert started.stdout is not None
        reader = int(started.stdout.readline())
        while not (tmp_path / "made.zip").exists():  # it has begun
            os.kill(reader, 0)
        started.kill()
        assert started.stdout.read() == b""  # whoever could write there has ended …
    assert not zipfile.is_zipfile(tmp_path / "made.zip")  # … long before its work was done
