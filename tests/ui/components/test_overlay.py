"""What a page lays on the plane, as it comes to the browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from live.blobs import _store
from ui.components.latent_plane import Gaussian, Heat, Metric, Plane, Trail
from vae_core.errors import ConfigError

EXTENT = (-1.0, 1.0, -2.0, 2.0)


def bytes_at(url: str) -> bytes:
    found = _store.get(url.rpartition("/")[2])
    assert found is not None
    return found[0]


def test_a_heat_map_is_one_colour_the_stronger_the_larger_the_value() -> None:
    values = np.array([[0.0, 0.5], [1.0, 7.0]])
    payload = Heat(values, EXTENT, "#D55E00", "p(z|x)").payload()
    pixels = np.array(Image.open(io.BytesIO(bytes_at(payload["url"]))))
    assert (pixels[..., :3] == [0xD5, 0x5E, 0x00]).all()
    assert pixels[..., 3].tolist() == [[0, 128], [255, 255]]
    assert payload["extent"] == EXTENT and payload["name"] == "p(z|x)"


def test_a_gaussian_and_a_way_are_projected_on_the_plane() -> None:
    plane = Plane.of_dims(3, (2, 0))
    gaussian = Gaussian("q", [1.0, 2.0, 3.0], [0.1, 0.2, 0.3], "#009E73").payload(plane)
    assert gaussian["mean"] == [3.0, 1.0]
    assert gaussian["covariance"] == pytest.approx([0.09, 0.0, 0.01])
    way = Trail(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "#56B4E9").payload(plane)
    assert way["places"] == [[3.0, 1.0], [6.0, 4.0]]
    with pytest.raises(ConfigError, match="has 2 dimensions, but the plane lies in 3"):
        Gaussian("q", [1.0, 2.0], [0.1, 0.2], "#009E73").payload(plane)


def test_a_metric_comes_as_three_numbers_a_cell() -> None:
    tensors = np.arange(16.0).reshape(2, 2, 2, 2)
    payload = Metric(tensors, EXTENT, 0.1, "#E69F00").payload()
    numbers = np.frombuffer(bytes_at(payload["url"]), "<f4").reshape(2, 2, 3)
    assert payload["side"] == 2
    assert numbers[1, 0].tolist() == [8.0, 9.0, 11.0]
