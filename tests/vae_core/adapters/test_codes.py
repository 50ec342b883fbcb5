"""Codes alone: what stands in for a decoder, and that nothing takes it for one."""

from __future__ import annotations

import pytest
import torch

from vae_core import ConfigError
from vae_core.adapters.codes import CodesAlone

MU = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
IMAGES = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)


def test_each_z_has_the_image_of_the_nearest_code() -> None:
    model = CodesAlone(MU, IMAGES)
    assert not (model.has_decoder or model.has_encoder or model.has_gradients)
    images = model.decode(torch.tensor([[3.0, 0.9], [-9.0, 1.0], [1.0, 3.0]]))
    assert images[:, 0, 0, 0].tolist() == pytest.approx([0.2, 0.0, 1.0])
    with pytest.raises(ConfigError, match="no encoder"):
        model.encode(torch.zeros(1, 1, 2, 2))


def test_without_images_all_is_grey() -> None:
    assert CodesAlone(MU, None).decode(MU).unique().tolist() == [0.5]
