"""What TensorBoard's Projector reads: a line an image in each file, and the images themselves."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message
from PIL import Image

from vae_core.checkpoints.reading import load_latents, read_config
from vae_core.data.datasets import load_dataset
from vae_core.errors import ConfigError, DataError
from vae_core.export import projector
from vae_core.export.projector import write_projector

ROOT = Path(__file__).parents[3]
DIGITS, GAN = ROOT / "checkpoints" / "digits-2d", ROOT / "checkpoints" / "mnist-2d-gan"


def rows(file: Path) -> list[list[str]]:
    """As the Projector's parser has it: lines at "\\n", cells at tabs."""
    return [line.split("\t") for line in file.read_text("utf-8").removesuffix("\n").split("\n")]


def config(folder: Path) -> Message:
    """projector_config.pbtxt by protobuf itself, in the fields of TensorBoard's schema."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{folder}.proto", package=folder.name)
    fields = {
        "Sprite": [
            ("image_path", 1, types.TYPE_STRING),
            ("single_image_dim", 2, types.TYPE_UINT32),
        ],
        "Embedding": [
            ("tensor_name", 1, types.TYPE_STRING),
            ("metadata_path", 2, types.TYPE_STRING),
            ("sprite", 5, types.TYPE_MESSAGE),
            ("tensor_path", 6, types.TYPE_STRING),
        ],
        "Config": [("embeddings", 2, types.TYPE_MESSAGE)],
    }
    inside = {"sprite": "Sprite", "embeddings": "Embedding"}
    for message, parts in fields.items():
        told = file.message_type.add(name=message)
        for name, number, kind in parts:
            many = name in ("single_image_dim", "embeddings")
            field = told.field.add(name=name, number=number, type=kind)
            field.label = types.LABEL_REPEATED if many else types.LABEL_OPTIONAL
            if name in inside:
                field.type_name = f".{file.package}.{inside[name]}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.Config"))
    text = (folder / "projector_config.pbtxt").read_text("utf-8")
    (embedding,) = text_format.Parse(text, made()).embeddings
    return embedding


def test_each_code_has_its_label_and_its_image(tmp_path: Path) -> None:
    assert write_projector(DIGITS, tmp_path / "out") == ""
    latents, test = load_latents(DIGITS), load_dataset("digits", "test")
    assert latents is not None and latents.labels is not None
    vectors = np.array(rows(tmp_path / "out" / "vectors.tsv"), float)
    np.testing.assert_allclose(vectors, latents.mu, rtol=1e-5)
    header, *told = rows(tmp_path / "out" / "metadata.tsv")
    assert header == ["label", "index", "kl", "log_px_given_mu"] and len(told) == len(latents)
    assert [row[0] for row in told] == [str(int(label)) for label in latents.labels]
    embedding = config(tmp_path / "out")
    assert (embedding.tensor_path, embedding.metadata_path) == ("vectors.tsv", "metadata.tsv")
    width, height = embedding.sprite.single_image_dim
    sheet = np.asarray(Image.open(tmp_path / "out" / embedding.sprite.image_path))
    columns = sheet.shape[1] // width
    for k in (0, 7, len(latents) - 1):
        top, left = k // columns * height, k % columns * width
        np.testing.assert_array_equal(
            sheet[top : top + height, left : left + width], test.images[latents.indices[k], 0]
        )


def test_a_text_from_outside_stays_one_cell(tmp_path: Path) -> None:
    folder = shutil.copytree(DIGITS, tmp_path / 'a "model"\\n')
    names = ["a\tb", "c\nd", "\r", "\u2028", "", '"', "\x1b[2J", "ä", "🂡", "=1+1"]
    changed = read_config(folder) | {"class_names": names}
    (folder / "config.json").write_text(json.dumps(changed))
    write_projector(folder, tmp_path / "out")
    header, *told = rows(tmp_path / "out" / "metadata.tsv")
    assert {len(row) for row in [header, *told]} == {4}
    assert {row[0] for row in told} == {"a b", "c d", " ", "", '"', " [2J", "ä", "🂡", "=1+1"}
    assert config(tmp_path / "out").tensor_name == folder.name


def test_without_the_images_there_is_no_sprite_and_it_is_told(tmp_path: Path) -> None:
    folder = shutil.copytree(DIGITS, tmp_path / "own")
    changed = read_config(folder) | {"dataset": "own-many-0123456789ab"}
    (folder / "config.json").write_text(json.dumps(changed))
    assert "own images, many are not beside the model" in write_projector(folder, tmp_path / "out")
    assert not (tmp_path / "out" / "sprite.png").exists()
    assert not config(tmp_path / "out").HasField("sprite")
    (folder / "latents.safetensors").unlink()
    with pytest.raises(DataError, match="not beside the model"):
        write_projector(folder, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_model_without_stored_codes_encodes_the_test_images(tmp_path: Path) -> None:
    folder = shutil.copytree(DIGITS, tmp_path / "bare")
    (folder / "latents.safetensors").unlink()
    write_projector(folder, tmp_path / "out")
    write_projector(DIGITS, tmp_path / "stored")
    bare, stored = (rows(tmp_path / name / "vectors.tsv") for name in ("out", "stored"))
    np.testing.assert_allclose(np.array(bare, float), np.array(stored, float), atol=1e-4)


def test_codes_of_other_images_have_no_sprite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = load_dataset("digits", "test")
    few = replace(few, images=few.images[:9], labels=None, class_names=())
    monkeypatch.setattr(projector, "checkpoint_images", lambda _: few)
    assert "other images" in write_projector(DIGITS, tmp_path / "out")


@pytest.mark.parametrize("shape", [(1, 20, 28), (3, 33, 9)])
def test_a_sprite_keeps_within_what_a_browser_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(projector, "MAX_SPRITE_SIDE", 300)
    images = torch.full((1_001, *shape), 200, dtype=torch.uint8)
    picture, (width, height) = projector._sprite(images)
    columns = picture.shape[1] // width
    assert max(picture.shape[:2]) <= 300 and columns == math.ceil(math.sqrt(1_001))
    assert picture.shape[0] == math.ceil(1_001 / columns) * height
    last = divmod(1_000, columns)
    assert (picture[last[0] * height, last[1] * width] == 200).all()


def test_what_has_no_encoder_has_no_codes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no encoder"):
        write_projector(GAN, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
