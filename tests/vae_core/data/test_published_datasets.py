"""Data sets in formats of their own: EMNIST's letters, dSprites, Frey's film, the portraits."""

import gzip
import hashlib
import io
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from numpy.typing import NDArray

from tests.vae_core.arrays import idx
from vae_core.data import dsprites, faces
from vae_core.data.datasets import dataset_available, load_dataset
from vae_core.data.torchvision_import import import_torchvision
from vae_core.errors import DataError

pytestmark = pytest.mark.usefixtures("nothing_remembered")


def available(name: str) -> None:
    if not dataset_available(name):
        pytest.skip(f"{name} is not at hand; set ZSCAPE_DATA to a folder that has it")


# EMNIST's letters


def letters(n: int) -> tuple[NDArray[np.uint8], dict[str, bytes]]:
    """n upright images, and the files of both splits that hold them: each image on its side."""
    upright = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    files = {}
    for part in ("train", "test"):
        images, labels = upright.transpose(0, 2, 1), np.arange(1, n + 1, dtype=np.uint8)
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            files[f"emnist-letters-{part}-{kind}-ubyte.gz"] = gzip.compress(idx(values))
    return upright, files


def test_letters_stand_upright_and_are_counted_from_a(tmp_path: Path) -> None:
    upright, files = letters(26)
    (tmp_path / "EMNIST" / "raw").mkdir(parents=True)
    for name, packed in files.items():
        (tmp_path / "EMNIST" / "raw" / name).write_bytes(packed)
    data = load_dataset("emnist-letters", "test", tmp_path)
    assert np.array_equal(data.images[:, 0].numpy(), upright)
    assert [data.class_names[label] for label in data.labels] == list("abcdefghijklmnopqrstuvwxyz")


def test_only_the_letters_are_kept_of_emnists_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, files = letters(3)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, packed in {**files, "emnist-digits-train-images-idx3-ubyte.gz": b""}.items():
            archive.writestr(f"gzip/{name}", packed or gzip.compress(b"digits"))

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(buffer.getvalue())))
            self.end_headers()
            self.wfile.write(buffer.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    root = tmp_path / "data"
    emnist = import_torchvision("torchvision.datasets").EMNIST
    monkeypatch.setattr(emnist, "md5", hashlib.md5(buffer.getvalue()).hexdigest())
    with HTTPServer(("127.0.0.1", 0), Mirror) as server:
        monkeypatch.setattr(emnist, "url", f"http://127.0.0.1:{server.server_port}/gzip.zip")
        threading.Thread(target=server.serve_forever).start()
        assert len(load_dataset("emnist-letters", "train", root, download=True)) == 3
        server.shutdown()
    kept = {path.name for path in root.rglob("*") if path.is_file()}
    assert kept == {name.removesuffix(".gz") for name in files}


# dSprites


def write_dsprites(
    path: Path, indices: NDArray[np.int64], **changes: NDArray[Any] | None
) -> NDArray[np.uint8]:
    """An archive as published, of made-up images whose first pixels spell their numbers."""
    images = np.zeros((len(indices), 64, 64), np.uint8)
    images[:, 0, :20] = indices[:, None] >> np.arange(20) & 1
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"imgs": images, "original_dataset_indices": indices} | changes
    np.savez_compressed(path, **{k: a for k, a in arrays.items() if a is not None})
    return images


def numbers(images: torch.Tensor) -> list[int]:
    bits = (images[:, 0, 0, :20] > 0).long()
    return (bits << torch.arange(20)).sum(1).tolist()


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_factors_of_dsprites_are_those_published(split: str, data_root: Path) -> None:
    available("dsprites")
    file = dsprites.GRID if split == "train" else dsprites.SUBSET
    with np.load(data_root / file) as archive:
        indices, published = archive["original_dataset_indices"], archive["latents_values"]
    ours = dsprites.factors(indices)
    np.testing.assert_allclose(ours[:, 0], published[:, 0] - 1)  # shapes count from 1 there
    np.testing.assert_allclose(ours[:, 1:], published[:, 1:], atol=1e-6)


def test_the_grid_of_dsprites_is_complete_and_no_image_of_it_is_tested() -> None:
    indices = np.arange(dsprites.N)
    grid = dsprites.factors(indices[dsprites.in_grid(indices)])
    assert [len(np.unique(column)) for column in grid.T] == [3, 6, 10, 16, 16]
    assert len(np.unique(grid, axis=0)) == len(grid) == 3 * 6 * 10 * 16 * 16
    available("dsprites")
    assert np.array_equal(load_dataset("dsprites", "train").factors, grid)
    held_out = load_dataset("dsprites", "test").factors
    assert not set(map(tuple, held_out.tolist())) & set(map(tuple, grid.tolist()))


def test_images_of_dsprites_are_white_shapes_at_their_place() -> None:
    available("dsprites")
    data = load_dataset("dsprites", "test")
    levels = torch.bincount(data.images[::50].flatten().int())
    assert levels.nonzero().flatten().tolist() == [0, 255]
    squares = (data.labels == 0).nonzero().flatten()[:200]
    images = data.floats(squares)[:, 0]
    across = (images.sum(1) @ torch.arange(64.0)) / images.sum((1, 2))
    assert torch.corrcoef(torch.stack([across, data.factors[squares, 3]]))[0, 1] > 0.999


def test_dsprites_is_read_from_small_archives_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dsprites, "_AT_ONCE", 7)
    everything = np.arange(dsprites.N)
    grid = everything[dsprites.in_grid(everything)][:50]
    write_dsprites(tmp_path / dsprites.GRID, grid)
    mixed = np.sort(np.concatenate([grid[:10], everything[~dsprites.in_grid(everything)][:30]]))
    write_dsprites(tmp_path / dsprites.SUBSET, mixed)
    assert numbers(load_dataset("dsprites", "train", tmp_path).images) == grid.tolist()
    held_out = numbers(load_dataset("dsprites", "test", tmp_path).images)
    assert held_out == sorted(set(mixed.tolist()) - set(grid.tolist()))


def test_dsprites_is_read_from_the_archive_of_all_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 3 * 6 * 40 * 32 * 32 // 512  # an archive of the first images only, said to be the whole
    monkeypatch.setattr(dsprites, "N", n)
    monkeypatch.setattr(dsprites, "REST", 100)
    write_dsprites(tmp_path / dsprites.PUBLISHED, np.arange(n), original_dataset_indices=None)
    train, test = (load_dataset("dsprites", split, tmp_path) for split in ("train", "test"))
    grid = np.flatnonzero(dsprites.in_grid(np.arange(n)))
    assert numbers(train.images) == grid.tolist()
    rest = numbers(test.images)
    assert len(set(rest)) == 100 and not set(rest) & set(grid.tolist())
    np.testing.assert_array_equal(test.factors, dsprites.factors(np.array(rest)))


BROKEN_DSPRITES: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"imgs": None}, "is not dSprites"),
    "of another size": ({"imgs": np.zeros((5, 32, 32), np.uint8)}, "is not dSprites"),
    "of another type": ({"imgs": np.zeros((5, 64, 64), np.float32)}, "is not dSprites"),
    "pickled": ({"imgs": np.array([None] * 5)}, "is not dSprites"),
    "unnumbered": ({"original_dataset_indices": None}, "does not say which"),
    "numbered by fractions": ({"original_dataset_indices": np.zeros(5)}, "no 5 whole numbers"),
    "too few numbers": ({"original_dataset_indices": np.zeros(4, int)}, "no 5 whole numbers"),
    "beyond the last": ({"original_dataset_indices": np.full(5, 737_280)}, "not within 0"),
    "by columns": ({"imgs": np.zeros((5, 64, 64), np.uint8, "F")}, "stored by columns"),
}


@pytest.mark.parametrize("case", BROKEN_DSPRITES)
def test_another_archive_is_not_taken_for_dsprites(case: str, tmp_path: Path) -> None:
    changes, said = BROKEN_DSPRITES[case]
    write_dsprites(tmp_path / dsprites.GRID, np.arange(5), **changes)
    with pytest.raises(DataError, match=said):
        load_dataset("dsprites", "train", tmp_path)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    return data[:60] + bytes(byte ^ 255 for byte in data[60:120]) + data[120:]


@pytest.mark.parametrize("damage", [cut, flip, lambda data: b"", lambda data: b"PK\x03\x04" * 9])
def test_a_damaged_archive_is_one_sentence(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    write_dsprites(tmp_path / dsprites.GRID, np.arange(5))
    file = tmp_path / dsprites.GRID
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=r"dsprites_downsampled.npz is no zip archive"):
        load_dataset("dsprites", "train", tmp_path)


def test_where_to_get_a_data_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"github\.com/google-deepmind") as caught:
        load_dataset("dsprites", "train", tmp_path)
    assert f"no {dsprites.GRID} or {dsprites.PUBLISHED} in" in str(caught.value)
    with pytest.raises(DataError, match=r"no frey/frey_rawface.mat in .*roweis"):
        load_dataset("frey", "train", tmp_path, download=True)


# Faces


def test_freys_film_is_cut_in_time(data_root: Path) -> None:
    available("frey")
    published = scipy.io.loadmat(data_root / faces.FREY_FILE)["ff"]
    train, test = load_dataset("frey", "train"), load_dataset("frey", "test")
    film = torch.cat([train.images, test.images])
    assert torch.equal(film.flatten(1), torch.from_numpy(published.T.copy()))
    assert torch.equal(film[0, 0, :, 3], torch.from_numpy(published[3::20, 0].copy()))  # by rows


def test_every_person_of_the_portraits_is_in_both_splits(data_root: Path) -> None:
    available("olivetti")
    published = scipy.io.loadmat(data_root / faces.OLIVETTI_FILE)["faces"]
    train, test = load_dataset("olivetti", "train"), load_dataset("olivetti", "test")
    assert torch.bincount(train.labels).tolist() == [8] * 40
    assert torch.bincount(test.labels).tolist() == [2] * 40
    last = published[:, 399].reshape(64, 64).T
    assert np.array_equal(test.images[-1, 0].numpy(), last)
    assert test.class_names[test.labels[-1]] == "person 40"


@pytest.mark.parametrize("content", ["other array", "other shape", "text", "cut", "empty"])
def test_another_file_is_not_taken_for_the_film(content: str, tmp_path: Path) -> None:
    path = tmp_path / faces.FREY_FILE
    path.parent.mkdir()
    array = np.zeros((3, 4) if content == "other shape" else (560, 1965), np.uint8)
    scipy.io.savemat(path, {"gg" if content == "other array" else "ff": array})
    data = {"text": b"not MATLAB" * 20, "cut": path.read_bytes()[:4000], "empty": b""}
    path.write_bytes(data.get(content, path.read_bytes()))
    with pytest.raises(DataError, match=r"frey_rawface.mat (holds no|is no).* get it from"):
        load_dataset("frey", "train", tmp_path)
