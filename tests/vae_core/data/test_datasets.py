import gzip
import hashlib
import math
import os
import struct
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.vae_core.arrays import idx
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data import datasets, sprites
from vae_core.data.binarisation import binarised
from vae_core.data.datasets import dataset_available, dataset_names, load_dataset, register_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.torchvision_import import import_torchvision
from vae_core.errors import DataError
from vae_core.latent.latents import encode_dataset
from vae_core.measures.codes.accuracy import classify_codes
from vae_core.measures.evaluation import evaluate
from vae_core.models.kinds import build_model
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

SIZES = {
    "digits": (1_437, 360, (1, 8, 8)),
    "sprites": (20_000, 4_000, (1, 32, 32)),
    "mnist": (60_000, 10_000, (1, 28, 28)),
    "fashion-mnist": (60_000, 10_000, (1, 28, 28)),
    "kmnist": (60_000, 10_000, (1, 28, 28)),
    "emnist-letters": (124_800, 20_800, (1, 28, 28)),
    "dsprites": (46_080, 18_754, (1, 64, 64)),
    "frey": (1_572, 393, (1, 28, 20)),
    "olivetti": (320, 80, (1, 64, 64)),
}
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

pytestmark = pytest.mark.usefixtures("nothing_remembered")


def little_mnist(root: Path, n: int = 5, folder: str = "MNIST") -> tuple[Path, NDArray[np.uint8]]:
    """n packed test images and labels under `root`, laid out as published: (raw folder, images)."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    (raw / f"{IMAGES}.gz").write_bytes(gzip.compress(idx(images)))
    (raw / f"{LABELS}.gz").write_bytes(gzip.compress(idx(np.arange(n, dtype=np.uint8) % 10)))
    return raw, images


# What is true of each data set


@pytest.mark.parametrize("name", dataset_names())
def test_each_data_set_keeps_its_promises(name: str) -> None:
    if not dataset_available(name):
        pytest.skip(f"{name} is not at hand; set ZSCAPE_DATA to a folder that has it")
    *sizes, shape = SIZES[name]
    for split, n in zip(("train", "test"), sizes, strict=True):
        data = load_dataset(name, split)
        assert (data.name, data.split, len(data), data.image_shape) == (name, split, n, shape)
        assert data.images.shape == (n, *shape)
        assert data.images.min() <= 21 and data.images.max() >= 235  # the full range, but in faces
        if data.labels is not None:
            shares = torch.bincount(data.labels).double() / n
            assert len(shares) == len(data.class_names)
            assert shares.min() > 0.8 / len(shares)


def test_the_digits_are_scikit_learns_each_in_one_split() -> None:
    published = sklearn.datasets.load_digits()
    train, test = load_dataset("digits", "train"), load_dataset("digits", "test")
    levels = torch.cat([train.images, test.images]).squeeze(1).double() * 16 / 255
    assert (levels - levels.round()).abs().max() < 0.04  # 16 steps on 255 levels
    labels = torch.cat([train.labels, test.labels])
    ours = sorted(
        (int(y), *map(int, x.flatten())) for x, y in zip(levels.round(), labels, strict=True)
    )
    theirs = sorted(
        (int(y), *map(int, x)) for x, y in zip(published.data, published.target, strict=True)
    )
    assert ours == theirs


@pytest.mark.parametrize("name", ["digits", "sprites"])
def test_embedded_data_is_the_same_whenever_it_is_made(name: str) -> None:
    first = load_dataset(name, "test")
    datasets._load.cache_clear()
    second = load_dataset(name, "test")
    assert first is not second
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")]
)
def test_pixels_and_labels_are_those_of_the_published_files(
    name: str, folder: str, data_root: Path
) -> None:
    data = load_dataset(name, "test", data_root)
    raw = data_root / folder / "raw"
    with gzip.open(raw / f"{IMAGES}.gz") as file:
        images = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 28, 28)
    with gzip.open(raw / f"{LABELS}.gz") as file:
        labels = np.frombuffer(file.read()[8:], np.uint8)
    assert np.array_equal(data.images.numpy(), images)
    assert np.array_equal(data.labels.numpy(), labels)


def test_class_names_are_those_of_torchvision() -> None:
    published = import_torchvision("torchvision.datasets")
    assert tuple(published.FashionMNIST.classes) == datasets.FASHION_CLASSES
    assert tuple(published.KMNIST.classes) == datasets.KANA
    letters = published.EMNIST.classes_split_dict["letters"]
    assert tuple(letters) == ("N/A", *datasets.LETTERS)  # there counted from 1


def test_floats_are_pixels_in_zero_to_one() -> None:
    data = load_dataset("digits", "test")
    everything = data.floats()
    assert everything.dtype == torch.float32
    np.testing.assert_array_equal(everything.numpy(), data.images.numpy() / np.float32(255))
    assert torch.equal(data.floats(torch.tensor([7, 3])), everything[[7, 3]])
    assert torch.equal(data.floats(slice(2, 5)), everything[2:5])


# Sprites


def drawn(shape: int, scale: float, orientation: float, x: float, y: float) -> NDArray[np.float64]:
    factors = np.array([[shape, scale, orientation, x, y]], np.float32)
    return sprites.draw_sprites(factors)[0, 0] / 255


factor_rows = st.tuples(
    st.integers(0, 2),
    st.floats(0.5, 1),
    st.floats(-math.pi / 4, math.pi / 4),
    st.floats(0, 1),
    st.floats(0, 1),
)

# Closed forms at scale 1: a square, an ellipse, and a heart made of a square and two half discs.
AREAS = (12.4**2, math.pi * 9.4 * 5.2, 13.12**2 * (1 / 2 + math.pi / 8))


def test_all_shapes_of_one_scale_have_one_area() -> None:
    assert max(AREAS) / min(AREAS) < 1.002


@given(row=factor_rows)
def test_a_sprite_covers_the_area_of_its_shape_wherever_it_is(
    row: tuple[int, float, float, float, float],
) -> None:
    # Pixels across an outline at 45 degrees lie denser than 1: their ramps sum to a little more.
    assert drawn(*row).sum() == pytest.approx(AREAS[row[0]] * row[1] ** 2, abs=3)


@given(row=factor_rows)
def test_x_and_y_are_where_the_sprite_is(row: tuple[int, float, float, float, float]) -> None:
    image, (_, _, _, x, y) = drawn(*row), row
    centres = np.arange(32) + 0.5
    assert image.sum(0) @ centres / image.sum() == pytest.approx(10 + 12 * x, abs=0.1)
    assert image.sum(1) @ centres / image.sum() == pytest.approx(10 + 12 * y, abs=0.1)


@given(scale=st.floats(0.5, 1), orientation=st.floats(-math.pi / 4, math.pi / 4))
def test_orientation_turns_the_long_axis_clockwise(scale: float, orientation: float) -> None:
    image = drawn(1, scale, orientation, 0.5, 0.5)
    down, right = np.mgrid[:32, :32] - 15.5
    spread = [(image * right**2).sum(), (image * down**2).sum(), (image * right * down).sum()]
    axis = math.atan2(2 * spread[2], spread[0] - spread[1]) / 2
    assert axis == pytest.approx(orientation, abs=0.03)


def test_an_upright_heart_is_symmetric_and_stands_on_its_tip() -> None:
    heart = drawn(2, 1.0, 0.0, 0.5, 0.5)
    assert np.array_equal(heart, heart[:, ::-1])
    lit = np.flatnonzero(heart.sum(1))
    assert heart[lit[-1]].sum() < heart[lit[0]].sum()


def test_labels_and_factors_of_the_sprites_agree_and_stay_in_range() -> None:
    data = load_dataset("sprites", "test")
    assert data.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert data.class_names == ("square", "ellipse", "heart")
    assert torch.equal(data.labels, data.factors[:, 0].long())
    low = torch.tensor([0, 0.5, -math.pi / 4, 0, 0])
    high = torch.tensor([2, 1.0, math.pi / 4, 1, 1])
    assert (data.factors >= low - 1e-6).all()
    assert (data.factors <= high + 1e-6).all()
    correlation = torch.corrcoef(data.factors.T) - torch.eye(5)
    assert correlation.abs().max() < 0.06  # independent: 4 standard errors of 4,000 draws


def test_train_and_test_sprites_are_different_draws() -> None:
    train, test = load_dataset("sprites", "train").factors, load_dataset("sprites", "test").factors
    assert not set(map(tuple, train.tolist())) & set(map(tuple, test.tolist()))


# Files: where they are looked for, and what is left of them


def test_packed_files_of_the_asked_split_are_enough_and_left_alone(tmp_path: Path) -> None:
    raw, images = little_mnist(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    raw.chmod(0o555)
    data = load_dataset("mnist", "test", tmp_path)
    raw.chmod(0o755)
    assert np.array_equal(data.images[:, 0].numpy(), images)
    assert data.labels.tolist() == [0, 1, 2, 3, 4]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert dataset_available("mnist", tmp_path, split="test")
    assert not dataset_available("mnist", tmp_path)


def test_unpacked_files_are_read_as_well(tmp_path: Path) -> None:
    raw, images = little_mnist(tmp_path, folder="FashionMNIST")
    packed = raw / f"{IMAGES}.gz"
    (raw / IMAGES).write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    data = load_dataset("fashion-mnist", "test", tmp_path)
    assert np.array_equal(data.images[:, 0].numpy(), images)


def test_the_root_is_zscape_data_or_the_folder_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little_mnist(tmp_path / "named", 3)
    little_mnist(tmp_path / "data", 4)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZSCAPE_DATA", "named")
    assert len(load_dataset("mnist", "test")) == 3
    monkeypatch.delenv("ZSCAPE_DATA")
    assert len(load_dataset("mnist", "test")) == 4


def test_a_data_set_is_read_once_for_a_root_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little_mnist(tmp_path / "a", 3)
    little_mnist(tmp_path / "b", 4)
    monkeypatch.chdir(tmp_path)
    first = load_dataset("mnist", "test", tmp_path / "a")
    assert load_dataset("mnist", "test", "b/../a/") is first
    assert len(load_dataset("mnist", "test", "b")) == 4


def test_a_folder_of_pickles_beside_the_files_is_not_opened(tmp_path: Path) -> None:
    raw, images = little_mnist(tmp_path)
    processed = raw.parent / "processed"  # torchvision would load these in preference
    processed.mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((torch.zeros(1, 28, 28, dtype=torch.uint8), torch.zeros(1)), processed / name)
    assert len(load_dataset("mnist", "test", tmp_path)) == len(images)


def test_missing_files_are_named_with_the_place_and_what_to_do(tmp_path: Path) -> None:
    raw, _ = little_mnist(tmp_path)
    (raw / f"{LABELS}.gz").unlink()
    with pytest.raises(DataError) as caught:
        load_dataset("mnist", "test", tmp_path)
    sentence = str(caught.value)
    assert LABELS in sentence
    assert IMAGES not in sentence
    assert str(tmp_path) in sentence
    assert "download=True" in sentence
    assert "ZSCAPE_DATA" in sentence


@pytest.mark.parametrize("root", ["nowhere", "a file", "x" * 5000, "nul\0byte"])
def test_a_root_that_is_no_folder_has_no_data(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a file").touch()
    with pytest.raises(DataError):
        load_dataset("mnist", "test", root)


def test_a_folder_with_the_name_of_a_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "MNIST" / "raw" / IMAGES).mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / f"{LABELS}.gz").mkdir(parents=True)
    assert not dataset_available("mnist", tmp_path, split="test")
    with pytest.raises(DataError, match=f"no .*{IMAGES} and no .*{LABELS}"):
        load_dataset("mnist", "test", tmp_path)


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("mnits", "test", "'mnits'.*digits, sprites, .*mnist, fashion-mnist"),
        ("digits", "validation", "'validation'.*train, test"),
    ],
)
def test_unknown_names_and_splits_are_answered_with_what_there_is(
    name: str, split: str, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        load_dataset(name, split)
    with pytest.raises(DataError, match=said):
        dataset_available(name, split=split)


# Downloads: torchvision's own code, from a server of ours


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the server that torchvision's MNIST downloads from, with four small files."""
    raw, _ = little_mnist(tmp_path / "mirror")
    for part in (IMAGES, LABELS):
        (raw / f"{part.replace('t10k', 'train')}.gz").write_bytes((raw / f"{part}.gz").read_bytes())
    mnist = import_torchvision("torchvision.datasets").MNIST
    sums = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in raw.iterdir()]
    monkeypatch.setattr(mnist, "resources", sums)
    with HTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=raw)) as server:
        monkeypatch.setattr(mnist, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        threading.Thread(target=server.serve_forever).start()
        yield raw
        server.shutdown()


def test_files_are_fetched_only_when_asked(mirror: Path, tmp_path: Path) -> None:
    root = tmp_path / "new" / "data"
    with pytest.raises(DataError):
        load_dataset("mnist", "test", root)
    assert not root.exists()
    assert len(load_dataset("mnist", "test", root, download=True)) == 5
    assert dataset_available("mnist", root)
    assert sorted(path.name for path in root.iterdir()) == ["MNIST"]
    assert {p.name for p in (root / "MNIST" / "raw").iterdir()} == {
        p.name for p in mirror.iterdir()
    }


def test_files_that_are_there_are_not_fetched_again(mirror: Path, tmp_path: Path) -> None:
    little_mnist(tmp_path / "data", 3)
    assert len(load_dataset("mnist", "test", tmp_path / "data", download=True)) == 3


@pytest.mark.parametrize("trouble", ["wrong sum", "no server", "root is a file"])
def test_a_failed_download_is_one_sentence_and_leaves_no_half_files(
    mirror: Path, tmp_path: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    if trouble == "wrong sum":
        (mirror / f"{LABELS}.gz").write_bytes(b"something else")
    elif trouble == "no server":
        mnist = import_torchvision("torchvision.datasets").MNIST
        monkeypatch.setattr(mnist, "mirrors", ["http://127.0.0.1:1/"])
    else:
        root.touch()
    with pytest.raises(DataError, match="could not be downloaded"):
        load_dataset("mnist", "test", root, download=True)
    assert root.is_file() or list(root.iterdir()) == []


# Broken and hostile files


def broken(images: bytes, labels: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Pairs of packed image and label files, each wrong in its own way."""
    pack = gzip.compress
    shape = struct.pack(">III", 5, 28, 28)
    return {
        "empty files": (b"", b""),
        "nothing packed": (pack(b""), pack(b"")),
        "not gzip": (b"<html>404</html>", labels),
        "plain named .gz": (gzip.decompress(images), labels),
        "truncated gzip": (images[: len(images) // 2], labels),
        "damaged gzip": (images[:200] + bytes(50) + images[250:], labels),
        "wrong checksum": (images[:-8] + bytes(8), labels),
        "header alone": (pack(gzip.decompress(images)[:16]), labels),
        "half a header": (pack(gzip.decompress(images)[:6]), labels),
        "one byte short": (pack(gzip.decompress(images)[:-1]), labels),
        "one byte long": (pack(gzip.decompress(images) + b"\0"), labels),
        "swapped": (labels, images),
        "wrong magic": (pack(b"\1" + gzip.decompress(images)[1:]), labels),
        "unknown type": (pack(struct.pack(">HBB", 0, 10, 3) + shape + bytes(3920)), labels),
        "signed bytes": (pack(struct.pack(">HBB", 0, 9, 3) + shape + bytes(3920)), labels),
        "floats": (pack(struct.pack(">HBB", 0, 13, 3) + shape + bytes(4 * 3920)), labels),
        "four dimensions": (pack(struct.pack(">HBB", 0, 8, 4) + bytes(20)), labels),
        "no images": (pack(idx(np.zeros((0, 28, 28), np.uint8))), labels),
        "huge counts": (pack(struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3) + b"\0"), labels),
        "fewer labels": (images, pack(idx(np.zeros(4, np.uint8)))),
        "label 10": (images, pack(idx(np.array([0, 1, 2, 3, 10], np.uint8)))),
    }


@pytest.mark.parametrize("case", broken(gzip.compress(bytes(300)), gzip.compress(bytes(300))))
def test_broken_files_are_one_sentence(case: str, tmp_path: Path) -> None:
    raw, _ = little_mnist(tmp_path)
    paths = raw / f"{IMAGES}.gz", raw / f"{LABELS}.gz"
    contents = broken(*(path.read_bytes() for path in paths))[case]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    with pytest.raises(DataError) as caught, warnings.catch_warnings():
        warnings.simplefilter("error")
        load_dataset("mnist", "test", tmp_path)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 600


def test_a_file_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    raw, _ = little_mnist(tmp_path)
    (raw / f"{IMAGES}.gz").write_bytes(gzip.compress(bytes(2**20)) * 100)
    assert (raw / f"{IMAGES}.gz").stat().st_size < 200_000
    with pytest.raises(DataError, match="more than 67,108,864 bytes"):
        load_dataset("mnist", "test", tmp_path)


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    raw, _ = little_mnist(tmp_path)
    (raw / f"{IMAGES}.gz").chmod(0)
    if os.access(raw / f"{IMAGES}.gz", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(DataError, match="could not be unpacked"):
        load_dataset("mnist", "test", tmp_path)


def loads_or_complains(root: Path) -> None:
    datasets._load.cache_clear()
    try:
        data = load_dataset("mnist", "test", root)
    except DataError:
        return
    assert data.images.dtype == torch.uint8
    assert len(data.labels) == len(data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(images=st.binary(max_size=64), labels=st.binary(max_size=64), packed=st.booleans())
def test_any_bytes_load_or_are_a_data_error(
    tmp_path: Path, images: bytes, labels: bytes, packed: bool
) -> None:
    raw, _ = little_mnist(tmp_path)
    (raw / f"{IMAGES}.gz").write_bytes(gzip.compress(images) if packed else images)
    (raw / f"{LABELS}.gz").write_bytes(gzip.compress(labels) if packed else labels)
    loads_or_complains(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.integers(0, 20),
    ndim=st.integers(0, 5),
    sizes=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 30), max_size=5),
    values=st.binary(max_size=100),
)
def test_any_header_loads_or_is_a_data_error(
    tmp_path: Path, kind: int, ndim: int, sizes: list[int], values: bytes
) -> None:
    raw, _ = little_mnist(tmp_path)
    header = struct.pack(f">HBB{len(sizes)}I", 0, kind, ndim, *sizes)
    (raw / f"{IMAGES}.gz").write_bytes(gzip.compress(header + values))
    loads_or_complains(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_loads_or_is_a_data_error(tmp_path: Path, data: st.DataObject) -> None:
    raw, _ = little_mnist(tmp_path, 2)
    packed = bytearray((raw / f"{IMAGES}.gz").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    (raw / f"{IMAGES}.gz").write_bytes(packed[: data.draw(st.integers(0, len(packed)))])
    loads_or_complains(tmp_path)


# The dataclass and the registry


GOOD: dict[str, Any] = {
    "name": "made up",
    "split": "test",
    "images": torch.zeros(3, 1, 2, 2, dtype=torch.uint8),
    "labels": torch.tensor([0, 1, 1]),
    "factors": torch.zeros(3, 2),
    "class_names": ("a", "b"),
    "factor_names": ("x", "y"),
}


def test_labels_and_factors_may_be_absent() -> None:
    data = ImageDataset("made up", "test", GOOD["images"])
    assert (data.labels, data.factors, data.class_names) == (None, None, ())
    assert len(ImageDataset(**GOOD)) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": torch.zeros(3, 1, 2, 2)}, r"float32 \(3, 1, 2, 2\)"),
        ({"images": torch.zeros(3, 2, 2, dtype=torch.uint8)}, r"\(3, 2, 2\)"),
        ({"images": torch.zeros(0, 1, 2, 2, dtype=torch.uint8)}, "not empty"),
        ({"images": torch.zeros(3, 1, 0, 2, dtype=torch.uint8)}, "not empty"),
        ({"labels": torch.tensor([0, 1])}, r"3 images, got int64 \(2,\)"),
        ({"labels": torch.tensor([0, 1, 1], dtype=torch.uint8)}, r"uint8 \(3,\)"),
        ({"labels": torch.tensor([0, 1, 2])}, "from 0 to 2"),
        ({"labels": torch.tensor([0, 1, -1])}, "from -1 to 1"),
        ({"class_names": ()}, "class names are 0"),
        ({"factors": torch.zeros(2, 2)}, r"3 images .* got float32 \(2, 2\)"),
        ({"factors": torch.zeros(3, 2).double()}, "float64"),
        ({"factor_names": ("x",)}, "1 factor names"),
    ],
)
def test_an_inconsistent_data_set_cannot_be_made(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=f"'made up'.*{said}"):
        ImageDataset(**GOOD | change)


def test_a_registered_data_set_is_found_loaded_and_missed_like_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "_REGISTRY", {})

    @register_dataset("rings", files={"train": ("rings/a.npy",), "test": ("rings/b.npy",)})
    def load_rings(split: str, root: Path) -> ImageDataset:
        return ImageDataset("rings", split, torch.from_numpy(np.load(root / "rings/b.npy")))

    assert dataset_names() == ("rings",)
    with pytest.raises(DataError) as caught:
        load_dataset("rings", "test", tmp_path, download=True)
    assert "rings/b.npy" in str(caught.value)
    assert "download" not in str(caught.value)  # there is nowhere to get it from
    (tmp_path / "rings").mkdir()
    np.save(tmp_path / "rings/b.npy", np.zeros((4, 3, 2, 2), np.uint8))
    assert load_dataset("rings", "test", tmp_path).image_shape == (3, 2, 2)
    assert dataset_available("rings", tmp_path, split="test")
    assert not dataset_available("rings", tmp_path)


def test_an_array_or_tensor_in_place_of_a_data_set_is_told_what_makes_one(tmp_path: Path) -> None:
    tensor = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    data = ImageDataset("few", "test", tensor)
    config = TrainConfig(hidden=(4,), batch_size=2)
    model = build_model(config.model_config(data.image_shape))
    for foreign in (tensor, tensor.numpy()):
        for call in (
            lambda it: encode_dataset(model, it),
            lambda it: evaluate(model, it),
            lambda it: evaluate(model, data, codes=it),
            lambda it: classify_codes(model, it, data),
            lambda it: list(train(config, train_data=it, test_data=it)),
            lambda it: list(train(config, train_data=data, test_data=it)),
            lambda it: save_checkpoint(tmp_path / "checkpoint", model, dataset=it),
            binarised,
        ):
            with pytest.raises(DataError, match=r"not an ImageDataset; make one .*read_images"):
                call(foreign)
    with pytest.raises(DataError, match=r"ndarray; torch\.from_numpy makes one"):
        ImageDataset("few", "test", tensor.numpy())
