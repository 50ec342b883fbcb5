"""The decoder's geometry, against linear decoders, a sphere and autograd."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from docs.rooms import ROOT
from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import linear_gaussian
from vae_core.adapters.adapted import adapted
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.errors import ConfigError
from vae_core.latent.geometry import (
    differences_at,
    geodesic,
    image_lengths,
    jacobian_columns,
    magnification_map,
    metric,
    principal_directions,
)
from vae_core.latent.paths import interpolate
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.networks import network_names


def decoding(model: LatentModel, decode: Any) -> LatentModel:
    model.decode = decode
    return model


def linear(d: int) -> LatentModel:
    model = linear_gaussian(d)
    return decoding(model, model.decode_parameters)  # not clipped to [0, 1]


def sphere() -> LatentModel:
    """The unit sphere by (colatitude, longitude), in an image of three pixels."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        theta, phi = z.unbind(1)
        place = [theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()]
        return torch.stack(place, 1).reshape(-1, 1, 1, 3)

    return decoding(build_model(ModelConfig((1, 1, 3), 2, hidden=())).double(), decode)


@pytest.mark.parametrize("network", network_names())
def test_the_derivatives_are_autograd_s(network: str) -> None:
    torch.manual_seed(0)
    shape = (1, 16, 16)
    hidden = {"mlp": (8,), "lecture-conv": (4, 4)}.get(network, (4, 4, 8))
    model = build_model(ModelConfig(shape, 3, network=network, hidden=hidden)).double().eval()
    z = torch.randn(5, 3, dtype=torch.float64)
    ours = jacobian_columns(model, z, torch.eye(3, dtype=torch.float64))
    for row, columns in zip(z, ours, strict=True):
        oracle = torch.autograd.functional.jacobian(
            lambda at: model.decode(at[None]).flatten(), row
        )
        torch.testing.assert_close(columns.T, oracle)


@pytest.fixture
def with_and_without_gradients() -> tuple[LatentModel, LatentModel]:
    """A model that comes with Zscape, and its decoder as a function of NumPy arrays."""
    model = load_checkpoint(ROOT / "checkpoints" / "digits-2d")
    arrays = adapted(decode=lambda z: model.decode(torch.from_numpy(z)).numpy(), latent_dim=2)
    assert model.has_gradients and not arrays.has_gradients
    return model, arrays


def test_without_gradients_derivatives_are_wrong_by_no_more_than_is_told(
    with_and_without_gradients: tuple[LatentModel, LatentModel],
) -> None:
    model, arrays = with_and_without_gradients
    z = torch.randn(30, 2, generator=seeded())
    exact, found = (jacobian_columns(each, z, torch.eye(2)) for each in (model, arrays))
    error = (found - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    chosen = differences_at(arrays, z, torch.eye(2))
    assert differences_at(model, z, torch.eye(2)) is None
    assert chosen is not None and 0 < error < chosen.error < 0.001
    plane = torch.zeros(2), torch.eye(2), 3.0, 8
    assert magnification_map(model, *plane).error == 0 < magnification_map(arrays, *plane).error


def test_without_gradients_a_geodesic_is_still_found(
    with_and_without_gradients: tuple[LatentModel, LatentModel],
) -> None:
    model, arrays = with_and_without_gradients
    ends = torch.tensor([-1.5, 0.2]), torch.tensor([1.2, -0.8])
    length, straight = (
        float(image_lengths(model, path).sum())
        for path in (geodesic(arrays, *ends), interpolate(*ends, 24))
    )
    best = float(image_lengths(model, geodesic(model, *ends)).sum())
    assert length < straight - 0.5 * (straight - best)


def test_a_layer_without_a_derivative_forwards_is_measured_by_differences() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
            return 2 * z

        @staticmethod
        def backward(ctx: Any, above: torch.Tensor) -> torch.Tensor:
            return 2 * above

    w = torch.rand(2, 16, generator=seeded())
    model = adapted(
        decode=lambda z: Doubled.apply(z) @ w / 20 + 0.5, latent_dim=2, image_shape=(4, 4)
    )
    assert model.has_gradients
    columns = jacobian_columns(model, torch.zeros(1, 2), torch.eye(2))
    torch.testing.assert_close(columns[0], w / 10, rtol=1e-3, atol=1e-4)


def test_where_no_image_changes_the_error_of_differences_is_infinite() -> None:
    flat = adapted(decode=lambda z: np.full((len(z), 4, 4), 0.5), latent_dim=2)
    chosen = differences_at(flat, torch.zeros(3, 2), torch.eye(2))
    assert chosen is not None and chosen.error == math.inf


def test_the_metric_of_a_linear_decoder_is_the_same_everywhere() -> None:
    model = linear(3)
    w = model.decoder[0].weight
    tensors = metric(model, torch.randn(4, 3, dtype=torch.float64))
    torch.testing.assert_close(tensors, (w.T @ w).expand(4, 3, 3))
    axes = torch.linalg.qr(torch.randn(3, 2, dtype=torch.float64)).Q.T
    on_plane = metric(model, torch.zeros(1, 3, dtype=torch.float64), axes)[0]
    torch.testing.assert_close(on_plane, axes @ w.T @ w @ axes.T)
    stretches, directions = principal_directions(tensors[0])
    singular = torch.linalg.svd(w)
    torch.testing.assert_close(stretches, singular.S)
    torch.testing.assert_close((directions * singular.Vh).sum(1).abs(), torch.ones(3).double())


def test_the_magnification_of_a_sphere_is_the_sine_of_the_colatitude() -> None:
    found = magnification_map(
        sphere(), torch.tensor([1.5, 0.0]).double(), torch.eye(2).double(), 1.2, side=16
    )
    left, right, bottom, top = found.extent
    assert (left, right, bottom, top) == (-1.2, 1.2, -1.2, 1.2)
    theta = 1.5 + (2 * (torch.arange(16).double() + 0.5) / 16 - 1) * 1.2
    torch.testing.assert_close(found.magnification, theta.sin().expand(16, 16), atol=1e-6, rtol=0)


def test_a_geodesic_of_the_sphere_is_a_great_circle() -> None:
    a, b = torch.tensor([0.7, -1.0]).double(), torch.tensor([0.9, 1.2]).double()
    model = sphere()
    ends = model.decode(torch.stack([a, b])).flatten(1)
    angle = math.acos(float(ends[0] @ ends[1]))
    path = geodesic(model, a, b, steps=40)
    assert torch.equal(path[0], a) and torch.equal(path[-1], b)
    lengths = image_lengths(model, path)
    assert float(lengths.sum()) == pytest.approx(angle, rel=1e-3)
    assert lengths.std() / lengths.mean() < 0.1  # at nearly even speed
    straight = image_lengths(model, interpolate(a, b, 40)).sum()
    assert straight > 1.05 * lengths.sum()


def test_on_a_linear_decoder_the_straight_way_is_the_shortest() -> None:
    model = linear(3)
    a, b = torch.randn(2, 3, dtype=torch.float64).unbind(0)
    length = image_lengths(model, geodesic(model, a, b, steps=8)).sum()
    assert length == pytest.approx(float((model.decoder[0].weight @ (b - a)).norm()))


@pytest.mark.parametrize("seed", range(4))
def test_a_geodesic_is_no_longer_than_the_straight_and_the_spherical_way(seed: int) -> None:
    torch.manual_seed(seed)
    model = build_model(ModelConfig((1, 4, 4), 3, hidden=(16,), activation="tanh")).eval()
    with torch.no_grad():
        model.decoder[0].weight.mul_(3)
        model.decoder[2].weight.mul_(4)
    a, b = torch.randn(2, 3).unbind(0)
    length = image_lengths(model, geodesic(model, a, b, steps=16, iterations=20)).sum()
    for method in ("linear", "spherical"):
        assert length <= image_lengths(model, interpolate(a, b, 16, method)).sum()


def test_a_length_counts_what_lies_between_the_places() -> None:
    model = build_model(ModelConfig((1, 1, 1), 1, hidden=())).double()
    wave = decoding(model, lambda z: torch.sin(2 * math.pi * z).view(-1, 1, 1, 1))
    path = torch.tensor([[0.0], [1.0], [1.5]]).double()  # images alike at its places
    assert image_lengths(wave, path).tolist() == pytest.approx([4.0, 2.0], rel=1e-6)


def test_where_no_step_can_be_taken_the_way_stays_what_it_was() -> None:
    torch.manual_seed(0)
    config = ModelConfig((1, 8, 8), 2, hidden=(16,), likelihood="continuous-bernoulli")
    model = build_model(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter *= 1e8
    a, b = torch.randn(2, 2)
    path = geodesic(model, a, b, 24)
    assert torch.equal(path[0], a) and torch.equal(path[-1], b) and path.isfinite().all()


def test_a_geodesic_leaps_over_nothing() -> None:
    """A wall of images lies across every way; the legs must not stride over it."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        wall = 10 * torch.exp(-((z[:, :1] / 0.05) ** 2)) * (1 + z[:, 1:] ** 2)
        return torch.cat([z, wall], 1).reshape(-1, 1, 1, 3)

    model = decoding(build_model(ModelConfig((1, 1, 3), 2, hidden=())).double(), decode)
    a, b = torch.tensor([-1.0, 0.3]).double(), torch.tensor([1.0, -0.2]).double()
    path = geodesic(model, a, b)
    fine = torch.cat([interpolate(*leg, 400)[:-1] for leg in path.unfold(0, 2, 1).mT])
    with torch.no_grad():
        length = model.decode(fine).flatten(1).diff(dim=0).norm(dim=1).sum()
    assert length > 2 * 10  # up the wall and down again, wherever it is crossed
    assert float(image_lengths(model, path).sum()) == pytest.approx(float(length), rel=0.02)
    assert length <= image_lengths(model, interpolate(a, b, 24)).sum() * 1.02


def test_what_makes_no_geometry_is_refused() -> None:
    model = linear(2)
    z = torch.zeros(2).double()
    with pytest.raises(ConfigError, match="latent_dim=2"):
        metric(model, torch.zeros(4, 3).double())
    with pytest.raises(ConfigError, match="side=1"):
        magnification_map(model, z, torch.eye(2).double(), 3.0, side=1)
    with pytest.raises(ConfigError, match="steps=2"):
        geodesic(model, z, z + 1, steps=2)


def test_shades_are_logarithms_between_two_percentiles() -> None:
    model = decoding(
        build_model(ModelConfig((1, 1, 2), 2, hidden=())).double(),
        lambda z: torch.stack([z[:, 0].exp(), z[:, 1]], 1).view(-1, 1, 1, 2),
    )
    found = magnification_map(
        model, torch.zeros(2).double(), torch.eye(2).double(), 3.0, side=50
    )  # det J = exp(z_1), so its logarithm is z_1
    shades, (low, high) = found.shades()
    across = 3 * (2 * (np.arange(50) + 0.5) / 50 - 1)
    first, last = np.percentile(across, (2, 98), method="inverted_cdf")
    assert (math.log(low), math.log(high)) == pytest.approx((first, last), abs=0.13)  # a cell
    expected = (across - math.log(low)) / (math.log(high) - math.log(low))
    np.testing.assert_allclose(shades, np.tile(expected, (50, 1)), atol=1e-6)
    assert 0.01 <= float((shades < 0).double().mean()) <= 0.02
    assert 0.01 <= float((shades > 1).double().mean()) <= 0.02
