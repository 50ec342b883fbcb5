"""Pixels drawn as coins, of the right bias and by their seed."""

import pytest
import torch
from scipy import stats

from vae_core.data.binarisation import binarise, binarised, checked_binarisation
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError


def dataset(n: int = 2_300) -> ImageDataset:
    levels = torch.tensor([0, 1, 64, 128, 254, 255], dtype=torch.uint8).reshape(1, 1, 2, 3)
    return ImageDataset("levels", "train", levels.expand(n, 1, 2, 3), torch.arange(n) % 2,
                        class_names=("a", "b"))  # fmt: skip


def test_a_pixel_is_white_as_often_as_it_is_bright() -> None:
    data = dataset()
    for drawn in (
        binarised(data).floats(),
        binarise(data.floats(), torch.Generator().manual_seed(1)),
    ):
        assert ((drawn == 0) | (drawn == 1)).all()
        for pixel, level in zip(drawn.flatten(1).T, data.floats()[0].flatten(), strict=True):
            assert stats.binomtest(int(pixel.sum()), len(data), float(level)).pvalue > 1e-3


def test_a_static_draw_is_of_its_seed_and_leaves_the_rest_as_it_is() -> None:
    data = dataset()
    first = binarised(data, seed=5)
    assert torch.equal(first.images, binarised(data, seed=5).images)
    assert not torch.equal(first.images, binarised(data, seed=6).images)
    assert torch.equal(first.labels, data.labels) and first.name == data.name
    assert not torch.equal(first.images[:1000], first.images[1000:2000])


def test_a_dynamic_draw_is_another_each_time() -> None:
    x, generator = dataset().floats(), torch.Generator().manual_seed(0)
    state = torch.random.get_rng_state()
    assert not torch.equal(binarise(x, generator), binarise(x, generator))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_black_and_white_stay_as_they_are() -> None:
    x = (torch.rand(50, 1, 4, 4) > 0.5).float()
    assert torch.equal(binarise(x, torch.Generator()), x)


def test_unknown_names_are_refused() -> None:
    assert checked_binarisation("dynamic") == "dynamic"
    with pytest.raises(ConfigError, match="'static2'; choose one of none, dynamic, static"):
        checked_binarisation("static2")
