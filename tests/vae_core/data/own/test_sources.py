"""Which file is this? Each image knows the file, or the row, that it came from."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae_core.checkpoints.archives import zip_checkpoint
from vae_core.checkpoints.reading import load_latents
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.own.images import read_images, write_images
from vae_core.data.texts import joined_rows, packed_texts, texts_of
from vae_core.latent.latents import encode_dataset
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


def level(k: int) -> np.ndarray:
    return np.full((4, 4), k, np.uint8)


def zipped(levels: dict[str, int]) -> io.BytesIO:
    """Images, each of one level of grey, by the paths of their files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        for path, grey in levels.items():
            png = io.BytesIO()
            Image.fromarray(level(grey)).save(png, "PNG")
            bundle.writestr(path, png.getvalue())
    return file


def told(*parts: ImageDataset) -> dict[str, int]:
    """The level of each image by its source."""
    found = {}
    for part in parts:
        assert part.sources is not None
        found |= dict(zip(texts_of(part.sources), part.images[:, 0, 0, 0].tolist(), strict=True))
    return found


def test_each_image_of_a_zip_knows_its_file_through_the_split() -> None:
    levels = {f"{'ab'[k % 2]}/é {k}.png": 12 * k for k in range(20)}
    train, test = read_images(zipped(levels))
    assert told(train, test) == levels
    assert told(test).items() <= levels.items() and len(test) == 2
    assert told(train.without(0)).keys() == {path for path in told(train) if path[0] == "b"}
    assert told(train.joined(test)) == levels


def test_what_a_run_keeps_of_own_images_is_as_it_was_read(tmp_path: Path) -> None:
    train, test = read_images(zipped({f"{k}.png": 12 * k for k in range(20)}))
    write_images(tmp_path / "images.npz", train, test)
    assert told(*read_images(tmp_path / "images.npz")) == told(train, test)


def test_an_image_of_a_stack_or_an_array_knows_its_place(tmp_path: Path) -> None:
    pages = [Image.fromarray(level(12 * k)) for k in range(20)]
    pages[0].save(tmp_path / "film.tif", save_all=True, append_images=pages[1:])
    assert told(*read_images(tmp_path / "film.tif"))["film.tif, image 3"] == 24
    np.savez(tmp_path / "a.npz", x=np.stack([level(12 * k) for k in range(20)]))
    assert told(*read_images(tmp_path / "a.npz"))["x[3]"] == 36


def test_a_text_is_one_line_of_255_bytes_at_most_whatever_it_was() -> None:
    packed = packed_texts(["a\nb\x1b[1m", "ü" * 300, ""])
    assert packed is not None and packed.dtype == torch.uint8 and packed.shape == (3, 255)
    line, long, empty = texts_of(packed)
    assert (line, empty) == ("a?b?[1m", "") and long == "…" + "ü" * 126
    assert texts_of(torch.full((1, 2), 0xFF, dtype=torch.uint8)) == ["\ufffd\ufffd"]
    assert packed_texts([]) is None
    short = packed_texts(["ab"])
    assert short is not None and texts_of(joined_rows(short, packed)) == ["ab", line, long, ""]


def test_a_checkpoint_tells_the_files_unless_it_is_not_to(tmp_path: Path) -> None:
    _, test = read_images(zipped({f"{k}.png": 12 * k for k in range(20)}))
    model = build_model(ModelConfig(latent_dim=2, image_shape=(1, 4, 4), hidden=(4,)))
    latents = encode_dataset(model, test)
    save_checkpoint(tmp_path / "mine", model, latents=latents, dataset=test)
    stored = load_latents(tmp_path / "mine")
    assert stored is not None and stored.sources is not None
    assert texts_of(stored.sources) == stored.table()["source"].tolist() == [*told(test)]
    for sources in (True, False):
        with zipfile.ZipFile(io.BytesIO(zip_checkpoint(tmp_path / "mine", sources=sources))) as z:
            held = z.read("mine/latents.safetensors")
        assert (b"sources" in held) == sources


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "9", "-1", "2"], ["-1", "2", "9", "10"]),
        (["0.5", "10", "0.25", "2,5"], ["0.25", "0.5", "2,5", "10"]),
    ],
)
def test_classes_that_are_numbers_stand_in_their_order(names: list[str], order: list[str]) -> None:
    train, _ = read_images(zipped({f"{name}/{k}.png": k for name in names for k in range(4, 12)}))
    assert list(train.class_names) == order
