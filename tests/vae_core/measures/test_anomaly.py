"""Scores of anomalies beside closed forms, SciPy and scikit-learn."""

from __future__ import annotations

import math
from itertools import product
from statistics import NormalDist
from typing import cast

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score

from tests.vae_core.arrays import seeded
from tests.vae_core.linear_gaussian import images, linear_gaussian, log_marginal
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures.anomaly import (
    SCORES,
    STRANGERS,
    anomaly_scores,
    auroc,
    class_gaussians,
    outer_fences,
    score_histogram,
    scores_of,
    smooth,
    strangers,
)
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import kl_to_standard_normal


def codes(n: int, d: int, classes: int = 0) -> Latents:
    mu = torch.randn((n, d), generator=seeded(3)) @ torch.randn((d, d), generator=seeded(4))
    labels = None
    if classes:
        labels = torch.arange(n) % classes
        mu = mu + 3 * labels[:, None]
    zeros = torch.zeros_like(mu)
    return Latents(mu, zeros, torch.arange(n), zeros[:, 0], labels)


def test_scores_come_to_the_closed_forms_of_a_linear_model() -> None:
    model = linear_gaussian(2)
    model.encoder[1].bias[2:] = -1.0
    x = images(model, 12)
    mu, logvar = model.encode(x)
    sigma = model.likelihood.sigma
    w, b = model.decoder[0].weight, model.decoder[0].bias
    squares = (x.flatten(1) - mu @ w.T - b).square().sum(1)
    at_mean = squares / (2 * sigma**2) + 6 * np.log(sigma * np.sqrt(2 * np.pi))
    found = anomaly_scores(model, x, "reconstruction", generator=seeded())
    torch.testing.assert_close(found, at_mean)
    # E_q|x - Wz - b|^2 is that at the mean and the trace of W' W sigma_q^2
    spread = (logvar.exp() * w.square().sum(0)).sum(1) / (2 * sigma**2)
    exact = at_mean + spread + kl_to_standard_normal(mu, logvar).sum(1)
    found = anomaly_scores(model, x, "elbo", generator=seeded(), samples=20_000)
    torch.testing.assert_close(found, exact, rtol=0.01, atol=0.05)
    found = anomaly_scores(model, x, "log_px", generator=seeded(), samples=20_000)
    torch.testing.assert_close(found, -log_marginal(model, x), rtol=0, atol=0.05)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_distance_is_scipys_to_the_nearest_class(classes: int) -> None:
    normal = codes(60, 4, classes)
    mu = normal.mu.double().numpy()
    own = np.zeros(60, int) if normal.labels is None else normal.labels.numpy()
    means = np.stack([mu[own == k].mean(0) for k in np.unique(own)])
    inverse = np.linalg.inv(np.cov((mu - means[own]).T, bias=True))
    away = torch.randn((7, 4), generator=seeded(5)) * 5
    expected = [min(mahalanobis(z, mean, inverse) for mean in means) for z in away.double().numpy()]
    gaussians = class_gaussians(normal)
    assert gaussians.distance(away).numpy() == pytest.approx(expected)
    if not classes:
        squares = EmpiricalCovariance().fit(mu).mahalanobis(away.numpy())
        assert gaussians.distance(away).square().numpy() == pytest.approx(squares)


def test_a_direction_that_no_normal_code_takes_does_not_count() -> None:
    flat = codes(50, 3)
    flat.mu[:, 2] = 1.0
    distance = class_gaussians(flat).distance
    at = torch.tensor([[1.0, 2.0, 1.0], [1.0, 2.0, 9.0]])
    assert float(distance(at)[0]) == pytest.approx(float(distance(at)[1]))
    with pytest.raises(DataError, match="no covariance"):
        class_gaussians(codes(3, 2, classes=3))


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_is_scikit_learns_and_its_error_delongs(ties: bool) -> None:
    normal, anomalies = (
        torch.randn(n, generator=seeded(n)).double() + shift for n, shift in ((40, 0), (25, 0.8))
    )
    if ties:
        normal, anomalies = normal.round(), anomalies.round()
    found = auroc(normal, anomalies)
    both = torch.cat([normal, anomalies]).numpy()
    assert found.area == pytest.approx(roc_auc_score(np.arange(65) >= 40, both))
    curve = found.false_positive_rate.numpy(), found.true_positive_rate.numpy()
    assert np.trapezoid(curve[1], curve[0]) == pytest.approx(found.area)
    # Structural components, pair by pair (DeLong et al. 1988, eq. 3 to 5)
    psi = np.array([[(a > b) + 0.5 * (a == b) for b in normal] for a in anomalies], float)
    variance = psi.mean(1).var(ddof=1) / 25 + psi.mean(0).var(ddof=1) / 40
    assert found.standard_error == pytest.approx(np.sqrt(variance))


def test_the_error_is_that_of_repeated_samples() -> None:
    areas, errors = [], []
    generator = seeded(1)
    for _ in range(300):
        normal, anomalies = torch.randn((2, 60), generator=generator)
        found = auroc(normal, anomalies + 1)
        areas.append(found.area)
        errors.append(found.standard_error)
    assert np.mean(areas) == pytest.approx(0.7602, abs=0.01)  # Phi(1 / sqrt 2)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)


@pytest.mark.parametrize("apart", [1.0, 3.0])
def test_nineteen_of_twenty_intervals_hold_the_area(apart: float) -> None:
    generator, true = seeded(2), NormalDist().cdf(apart / math.sqrt(2))
    held = 0
    for _ in range(400):
        normal, anomalies = torch.randn((2, 30), generator=generator)
        low, high = auroc(normal, anomalies + apart).interval
        held += low <= true <= high
    assert 0.92 <= held / 400 <= 0.995


def test_a_score_that_parts_all_of_few_is_not_certain() -> None:
    far = auroc(torch.arange(5.0), torch.arange(10.0, 14.0))
    assert (far.area, far.standard_error) == (1, 0)
    low, high = far.interval
    assert 0.4 < low < 0.8 and high == 1
    few, many = (auroc(torch.zeros(n), torch.ones(n)).interval[0] for n in (10, 1000))
    assert low < few < many < 1


def test_a_score_that_parts_none_is_a_guess() -> None:
    blind = auroc(torch.ones(5), torch.ones(4))
    assert blind.area == 0.5 and sum(blind.interval) == pytest.approx(1)
    with pytest.raises(DataError, match="two of each"):
        auroc(torch.ones(5), torch.ones(1))


def test_the_relative_error_is_of_dices_coefficient() -> None:
    model = build_model(ModelConfig((1, 8, 8), hidden=(4,))).eval()
    x = torch.rand((150, 1, 8, 8), generator=seeded())
    x[0] = 0
    told: list[float] = []
    found = anomaly_scores(model, x, "relative", generator=seeded(), on_progress=told.append)
    with torch.no_grad():
        again = model.decode(model.encode(x)[0])
    overlap, norms = (x * again).sum((1, 2, 3)), (x * x + again * again).sum((1, 2, 3))
    torch.testing.assert_close(found, (1 - 2 * overlap / norms).double(), rtol=0, atol=1e-5)
    assert float(found[0]) == pytest.approx(1)
    assert len(told) > 1 and told[-1] == 1


def test_images_are_smoothed_by_a_gaussian_of_a_28th_of_their_side() -> None:
    x = torch.zeros((2, 1, 56, 84))
    x[0, 0, 28, 40] = x[1, 0, 20, 30] = 1
    at = torch.arange(-9, 10)
    bell = torch.distributions.Normal(0.0, 2.0).log_prob(at.double()).exp()
    there = smooth(x)[0, 0, 19:38, 31:50].double()
    torch.testing.assert_close(there, bell[:, None] * bell, rtol=0, atol=1e-4)
    torch.testing.assert_close(smooth(x).sum((1, 2, 3)), torch.ones(2))


class Rebuilds(torch.nn.Module):
    """Whatever it sees, one image."""

    has_encoder = has_decoder = has_likelihood = True
    is_variational = False

    def __init__(self, image: torch.Tensor) -> None:
        super().__init__()
        self.image = image

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros((len(x), 1)), torch.zeros((len(x), 1))

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.image.expand(len(z), -1, -1, -1)


def score_beside(image: torch.Tensor, x: torch.Tensor, score: str) -> list[float]:
    model = cast(LatentModel, Rebuilds(image))
    return anomaly_scores(model, x, score, generator=seeded()).tolist()


def test_a_stroke_beside_its_place_is_less_strange_than_one_too_many_once_smoothed() -> None:
    def strokes(*columns: int) -> torch.Tensor:
        x = torch.zeros((1, 1, 28, 28))
        x[0, 0, 6:22, list(columns)] = 1
        return x

    x = torch.cat([strokes(15), strokes(14, 22)])
    assert score_beside(strokes(14), x, "relative") == pytest.approx([1, 1 / 3])
    beside, too_many = score_beside(strokes(14), x, "smoothed")
    assert beside < too_many


def test_one_fault_is_stranger_than_many_small_ones_once_smoothed() -> None:
    rows, columns = np.mgrid[:28, :28]
    bump = np.exp(-((rows - 14) ** 2 + (columns - 14) ** 2) / 18)
    wave = np.cos(rows / 4) * np.cos(columns / 4)
    grey = np.full((28, 28), 0.5)
    below, level = (gaussian_filter(image, 1) for image in (grey, wave))
    wave *= np.linalg.norm(gaussian_filter(bump, 1)) / np.linalg.norm(level)
    x = grey + 0.25 * np.stack([bump, wave])
    one, many = score_beside(
        torch.from_numpy(grey[None, None]).float(), torch.from_numpy(x[:, None]).float(), "smoothed"
    )
    seen = [gaussian_filter(image, 1) for image in x]
    norms = [np.linalg.norm((image - below).ravel(), 3) ** 2 for image in seen]
    sums = [(image**2 + below**2).sum() for image in seen]
    assert [one, many] == pytest.approx([n / s for n, s in zip(norms, sums, strict=True)], rel=1e-4)
    assert one > 1.1 * many


def test_which_scores_a_model_has() -> None:
    x = torch.rand((3, 1, 8, 8), generator=seeded())
    gaussians = class_gaussians(codes(20, 2))
    has = {
        kind: scores_of(build_model(ModelConfig((1, 8, 8), kind=kind, hidden=(4,))))
        for kind in ("vae", "autoencoder", "gan")
    }
    assert has == {
        "vae": tuple(SCORES),
        "autoencoder": ("reconstruction", "relative", "smoothed", "latent"),
        "gan": (),
    }
    for kind, score in product(has, SCORES):
        model = build_model(ModelConfig((1, 8, 8), kind=kind, hidden=(4,))).eval()
        if score in has[kind]:
            found = anomaly_scores(model, x, score, generator=seeded(), normal=gaussians)
            assert found.shape == (3,) and found.dtype == torch.float64
        else:
            with pytest.raises(ConfigError, match="no score"):
                anomaly_scores(model, x, score, generator=seeded(), normal=gaussians)
    model = build_model(ModelConfig((1, 8, 8), hidden=())).eval()
    with pytest.raises(ConfigError, match="codes of normal images"):
        anomaly_scores(model, x, "latent", generator=seeded())
    with torch.no_grad():
        model.encoder[1].weight.fill_(1e30)
    with pytest.raises(DataError, match="not finite"):
        anomaly_scores(model, x, "elbo", generator=seeded())


def test_strangers_are_made_of_the_images() -> None:
    x = torch.rand((5, 3, 6, 6), generator=seeded())
    for kind in STRANGERS:
        made = strangers(x, kind, seeded(1))
        assert made.shape == x.shape and made.min() >= 0 and made.max() <= 1
        assert not torch.equal(made, x)
    shuffled = strangers(x, "shuffled pixels", seeded(1))
    pixels = [sorted(map(tuple, image.flatten(1).T.tolist())) for image in (x[0], shuffled[0])]
    assert pixels[0] == pixels[1]  # colours stay whole
    assert torch.equal(strangers(x, "quarter turn", seeded())[:, :, -1, 0], x[:, :, 0, 0])
    with pytest.raises(ConfigError, match="do not fit"):
        strangers(x[:, :, :4], "quarter turn", seeded())
    with pytest.raises(ConfigError, match="Unknown kind"):
        strangers(x, "ghosts", seeded())


def test_the_outer_fences_of_normal_draws_are_at_seven_quartiles() -> None:
    """Three widths of the middle half, two quartiles each, beyond either of them."""
    z = torch.cat([torch.randn(200_000, generator=seeded()), torch.tensor([-50.0, 90.0])])
    far = 7 * scipy.stats.norm.ppf(0.75)
    low, high = outer_fences(z.numpy())
    assert (low, high) == pytest.approx((-far, far), rel=0.01)
    assert outer_fences(np.array([1.0, 2.0, 3.0])) == (1, 3)  # no farther than there is anything


def test_a_histogram_of_scores_has_the_shares_that_scipy_counts() -> None:
    """Uniform scores fall into equal bins alike; what lies far out is counted, not drawn."""
    normal = torch.linspace(0, 1, 10_001)
    anomalies = torch.cat([2 + torch.linspace(0, 2, 5_001), torch.tensor([1e6])])
    found = score_histogram(normal, anomalies, bins=8)
    assert found.beyond == 1
    assert float(found.normal.sum()) == pytest.approx(1)
    assert float(found.anomalies.sum()) == pytest.approx(5_001 / 5_002)
    edges = found.edges.numpy()
    assert (edges[0], edges[-1]) == pytest.approx((0, 3.5 + 3), abs=0.01)  # quartiles 2.5, 3.5
    expected = np.diff(scipy.stats.uniform.cdf(edges, 0, 1))
    np.testing.assert_allclose(found.normal, expected, atol=2e-3)
    np.testing.assert_allclose(
        found.anomalies, np.diff(scipy.stats.uniform.cdf(edges, 2, 2)), atol=2e-3
    )


def test_scores_that_are_all_alike_still_have_a_histogram() -> None:
    found = score_histogram(torch.ones(3), torch.ones(2), bins=4)
    assert found.normal.tolist() == found.anomalies.tolist() == [1, 0, 0, 0]
