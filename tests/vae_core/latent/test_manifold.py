import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy.stats import norm

from vae_core.errors import ConfigError
from vae_core.latent.manifold import manifold_grid, manifold_line, png_bytes, tile_images
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel


def small_model(latent_dim: int = 2, image_shape: tuple[int, int, int] = (1, 5, 7)) -> LatentModel:
    torch.manual_seed(0)
    return build_model(ModelConfig(image_shape, latent_dim=latent_dim, hidden=(8,))).eval()


@pytest.mark.parametrize("n", [1, 2, 5, 20, 40])
def test_quantile_grid_is_the_inverse_normal_distribution(n: int) -> None:
    z, _ = manifold_grid(small_model(), n)
    expected = norm.ppf((np.arange(n) + 0.5) / n)
    for row in range(n):
        np.testing.assert_allclose(z[row, :, 0], expected, rtol=1e-6, atol=1e-7)
    for column in range(n):
        np.testing.assert_allclose(z[:, column, 1], expected[::-1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dim", [0, 2])
def test_a_line_goes_through_the_quantiles_of_one_dimension(dim: int) -> None:
    model = small_model(latent_dim=3)
    z, images = manifold_line(model, 6, dim)
    expected = norm.ppf((np.arange(6) + 0.5) / 6)
    np.testing.assert_allclose(z[:, dim], expected, rtol=1e-6)
    assert int((z != 0).sum()) == 6  # the other dimensions rest at zero
    torch.testing.assert_close(images, model.decode(z))


@pytest.mark.parametrize(("n", "dim"), [(0, 0), (5, 3), (5, -1)])
def test_a_line_that_does_not_fit_the_model_is_refused(n: int, dim: int) -> None:
    with pytest.raises(ConfigError, match="dimension from 0 to 2"):
        manifold_line(small_model(latent_dim=3), n, dim)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_every_quantile_image_stands_for_the_same_share_of_the_prior(n: int) -> None:
    z, _ = manifold_grid(small_model(), n)
    shares = norm.cdf(z[0, :, 0].double())
    np.testing.assert_allclose(np.diff(shares), np.full(n - 1, 1 / n), atol=1e-6)
    assert shares.mean() == pytest.approx(0.5)


def test_a_linear_grid_goes_as_far_as_codes_do() -> None:
    z, _ = manifold_grid(small_model(), 3, spacing="linear", extent=10**30)
    assert float(z.max()) == pytest.approx(1e30)


def test_linear_grid_goes_by_equal_steps_from_minus_to_plus_extent() -> None:
    z, _ = manifold_grid(small_model(), 5, spacing="linear", extent=2.0)
    assert z[0, :, 0].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert z[:, 0, 1].tolist() == [2.0, 1.0, 0.0, -1.0, -2.0]
    single, _ = manifold_grid(small_model(), 1, spacing="linear")
    assert single.tolist() == [[[0.0, 0.0]]]


@pytest.mark.parametrize("dims", [(0, 1), (1, 0), (3, 1)])
def test_dims_go_right_and_up_and_base_holds_the_others(dims: tuple[int, int]) -> None:
    base = torch.tensor([0.1, -0.2, 0.3, -0.4, 0.5])
    z, _ = manifold_grid(small_model(5), 6, dims=dims, base=base)
    assert (z[:, 1:, dims[0]] > z[:, :-1, dims[0]]).all()
    assert (z[:-1, :, dims[1]] > z[1:, :, dims[1]]).all()
    others = [j for j in range(5) if j not in dims]
    assert torch.equal(z[..., others], base[others].expand(6, 6, 3))
    assert base.tolist() == pytest.approx([0.1, -0.2, 0.3, -0.4, 0.5])


def test_the_other_dimensions_rest_at_zero() -> None:
    z, _ = manifold_grid(small_model(4), 3, dims=(1, 2))
    assert z[..., [0, 3]].eq(0).all()


@pytest.mark.parametrize("n", [1, 3, 17])  # 17 * 17 images take two batches
def test_each_image_is_what_its_own_z_decodes_to(n: int) -> None:
    model = small_model(3, (3, 4, 6))
    z, images = manifold_grid(model, n, dims=(2, 0))
    assert images.shape == (n, n, 3, 4, 6)
    with torch.no_grad():
        expected = torch.stack([model.decode(row) for row in z])
    torch.testing.assert_close(images, expected)


def test_results_can_be_worked_on() -> None:
    z, images = manifold_grid(small_model(), 3)
    weight = torch.ones(1, requires_grad=True)
    (weight * z.sum() + weight * images.sum()).backward()
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n": 0}, "n=0"),
        ({"n": 2.0}, r"n=2\.0"),
        ({"n": 3, "dims": (0, 0)}, r"\(0, 0\)"),
        ({"n": 3, "dims": (0, 3)}, r"\(0, 3\).*0 to 2"),
        ({"n": 3, "dims": (-1, 0)}, r"\(-1, 0\)"),
        ({"n": 3, "dims": (0, 1, 2)}, r"\(0, 1, 2\)"),
        ({"n": 3, "base": torch.zeros(2)}, r"latent_dim=3.*\(2,\)"),
        ({"n": 3, "base": torch.full((3,), math.nan)}, "finite"),
        ({"n": 3, "spacing": "cubic"}, "'cubic'.*quantile or linear"),
        ({"n": 3, "spacing": "linear", "extent": 0.0}, r"extent=0\.0"),
        ({"n": 3, "spacing": "linear", "extent": math.inf}, "extent=inf"),
        ({"n": 3, "spacing": "linear", "extent": math.nan}, "extent=nan"),
    ],
)
def test_a_grid_that_does_not_fit_the_model_is_refused(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        manifold_grid(small_model(3), **arguments)


def test_a_model_of_one_dimension_has_no_grid() -> None:
    with pytest.raises(ConfigError, match="latent_dim=1"):
        manifold_grid(small_model(1), 3)


@given(
    data=st.data(),
    channels=st.sampled_from([1, 3]),
    gap=st.integers(0, 3),
)
def test_every_tile_lies_where_its_row_and_column_say(
    data: st.DataObject, channels: int, gap: int
) -> None:
    rows, columns, h, w = (data.draw(st.integers(1, 4)) for _ in range(4))
    images = data.draw(hnp.arrays(np.uint8, (rows, columns, channels, h, w)))
    picture = tile_images(torch.from_numpy(images), gap)
    assert picture.dtype == np.uint8
    assert picture.shape[:2] == (rows * (h + gap) - gap, columns * (w + gap) - gap)
    assert picture.shape[2:] == (() if channels == 1 else (3,))
    for r in range(rows):
        for c in range(columns):
            tile = picture[r * (h + gap) :, c * (w + gap) :][:h, :w].reshape(h, w, channels)
            assert np.array_equal(tile.transpose(2, 0, 1), images[r, c])


def test_brightness_in_zero_to_one_becomes_the_nearest_of_256_levels() -> None:
    levels = torch.tensor([-1.0, 0.0, 0.5 / 255 - 1e-4, 0.5, 1.0, 7.0]).reshape(1, 1, 1, 1, 6)
    assert tile_images(levels).tolist() == [[0, 0, 0, 128, 255, 255]]


@pytest.mark.parametrize(
    ("shape", "gap"),
    [((2, 2, 5, 5), 0), ((2, 2, 2, 5, 5), 0), ((0, 2, 1, 5, 5), 0), ((2, 2, 1, 5, 5), -1)],
)
def test_what_is_no_picture_is_refused(shape: tuple[int, ...], gap: int) -> None:
    with pytest.raises(ConfigError, match=rf"{shape[0]}.*gap={gap}"):
        tile_images(torch.zeros(shape), gap)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)])
def test_a_png_gives_the_picture_back(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    file = Image.open(io.BytesIO(png_bytes(picture)))
    assert file.format == "PNG"
    assert np.array_equal(np.asarray(file), picture)
