import numpy as np
import pytest
import torch

from ui.components.image_grid import Axis, image_grid
from vae_core.errors import ConfigError


@pytest.mark.parametrize("name", ["captions", "labels"])
def test_every_tile_needs_its_text(name: str) -> None:
    with pytest.raises(ConfigError, match=f"3 {name}, but 2 x 2 images"):
        image_grid(torch.zeros(2, 2, 1, 4, 4), key="k", testid="t", alt="a", **{name: ["one"] * 3})


def test_images_of_two_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 or 3 channels"):
        image_grid(np.zeros((1, 2, 2, 4, 4), np.uint8), key="k", testid="t", alt="a")


def test_values_on_an_axis_have_a_true_minus_sign() -> None:
    payload = Axis("z₁", [-1.5, 0.25]).payload()
    assert payload == {"name": "z₁", "values": ["−1.50", "0.25"], "at": [-1.5, 0.25]}
