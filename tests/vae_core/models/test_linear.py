"""PCA's plane and probabilistic PCA's likelihood are scikit-learn's, and its bound is tight."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.decomposition import PCA as Fit

from vae_core.data.datasets import load_dataset
from vae_core.errors import ConfigError
from vae_core.measures.likelihood.importance import importance_log_likelihood
from vae_core.measures.likelihood.quadrature import exact_log_likelihood
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import LearnedGaussian
from vae_core.models.linear import LINEAR, PCA, ProbabilisticPCA
from vae_core.objectives.terms import elbo_terms
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

DIGITS = load_dataset("digits", "train")
ROWS = DIGITS.floats(torch.arange(len(DIGITS))).flatten(1).double()
X = DIGITS.floats(torch.arange(50))


def linear_model(kind: str, latent_dim: int = 2, **changes: Any) -> LatentModel:
    config = ModelConfig(DIGITS.image_shape, latent_dim, kind, **LINEAR | changes)
    return build_model(config).requires_grad_(False)


def log_sigma(model: LatentModel) -> float:
    assert isinstance(model.likelihood, LearnedGaussian)
    return float(model.likelihood.log_sigma.detach())


def fitted_pca(latent_dim: int = 2) -> PCA:
    model = linear_model("pca", latent_dim)
    assert isinstance(model, PCA)
    model.fit(DIGITS.images)
    return model


def fitted_ppca(latent_dim: int = 2) -> ProbabilisticPCA:
    model = linear_model("ppca", latent_dim)
    assert isinstance(model, ProbabilisticPCA)
    model.fit(DIGITS.images)
    return model


@pytest.mark.parametrize("latent_dim", [1, 2, 12])
def test_the_plane_and_the_codes_of_pca_are_those_of_scikit_learn(latent_dim: int) -> None:
    model = fitted_pca(latent_dim)
    fit = Fit(latent_dim, whiten=True).fit(ROWS.numpy())
    mu, logvar = model.encode(X)
    codes = torch.from_numpy(fit.transform(ROWS[:50].numpy()))
    torch.testing.assert_close(mu.double(), codes, rtol=1e-4, atol=1e-4)
    assert (logvar == -math.inf).all()
    back = torch.from_numpy(fit.inverse_transform(codes.numpy())).unflatten(1, (1, 8, 8))
    parameters = model.decode_parameters(mu).double()
    torch.testing.assert_close(parameters, back, rtol=1e-4, atol=1e-4)
    assert torch.equal(model.decode(mu), model.decode_parameters(mu).clamp(0, 1))


@pytest.mark.parametrize("kind", ["pca", "ppca"])
def test_sigma_is_that_of_what_is_left_out(kind: str) -> None:
    if kind == "pca":
        model: LatentModel = fitted_pca()
        x = DIGITS.floats(torch.arange(len(DIGITS)))
        variance = (model.decode_parameters(model.encode(x)[0]) - x).square().mean()
    else:
        model = fitted_ppca()
        variance = torch.tensor(Fit(2).fit(ROWS.numpy()).noise_variance_)
    sigma = model.likelihood.log_sigma.exp()
    torch.testing.assert_close(sigma, variance.sqrt().float(), rtol=1e-4, atol=0)


def test_sigma_of_fewer_images_than_pixels_is_of_all_the_eigenvalues_left_out() -> None:
    model = linear_model("ppca", 3)
    assert isinstance(model, ProbabilisticPCA)
    model.fit(DIGITS.images[:40])
    covariance = torch.cov(ROWS[:40].T)  # (64, 64), of rank 39
    left_out = torch.linalg.eigvalsh(covariance)[:-3]
    assert math.exp(2 * log_sigma(model)) == pytest.approx(float(left_out.mean()), rel=1e-5)


def test_pixels_drawn_anew_are_learned_as_they_are_drawn() -> None:
    config = TrainConfig(objective="ppca", epochs=1, batch_size=500)
    found = []
    for how in ("none", "dynamic", "static"):
        model = next(train(replace(config, binarisation=how), report_seconds=0)).model
        found.append(log_sigma(model))
    grey, dynamic, static = found
    assert dynamic == pytest.approx(static, abs=0.02) and dynamic > grey + 0.2


def test_codes_of_pca_have_variance_one_and_do_not_correlate() -> None:
    mu, _ = fitted_pca(3).encode(DIGITS.floats(torch.arange(len(DIGITS))))
    torch.testing.assert_close(mu.T.cov(), torch.eye(3), rtol=0, atol=1e-3)


@pytest.mark.parametrize("latent_dim", [1, 2, 12])
def test_the_likelihood_of_probabilistic_pca_is_that_of_scikit_learn(latent_dim: int) -> None:
    model = fitted_ppca(latent_dim)
    scores = torch.from_numpy(Fit(latent_dim).fit(ROWS.numpy()).score_samples(ROWS[:50].numpy()))
    torch.testing.assert_close(model.log_marginal(X), scores, rtol=1e-5, atol=1e-3)


def test_the_posterior_of_probabilistic_pca_is_the_true_one() -> None:
    """M^-1 W^T (x - mean) and sigma^2 M^-1 of its own decoder, whatever the scaling of codes."""
    model = fitted_ppca(3)
    decoder = model.decoder[0]
    w, mean = decoder.weight.double(), decoder.bias.double()
    variance = model.likelihood.log_sigma.exp().double().square()
    m = w.T @ w + variance * torch.eye(3)
    mu, logvar = model.encode(X)
    expected = torch.linalg.solve(m, w.T @ (X.flatten(1).double() - mean).T).T
    torch.testing.assert_close(mu.double(), expected, rtol=1e-4, atol=1e-4)
    covariance = variance * torch.linalg.inv(m)
    torch.testing.assert_close(
        torch.diag(logvar[0].exp().double()), covariance, rtol=1e-4, atol=1e-7
    )


def test_each_importance_weight_of_probabilistic_pca_is_its_exact_likelihood() -> None:
    model = fitted_ppca(4)
    generator = torch.Generator().manual_seed(0)
    sampled = importance_log_likelihood(model, X, samples=1, generator=generator)
    torch.testing.assert_close(sampled, model.log_marginal(X), rtol=0, atol=0.01)


def test_quadrature_finds_the_likelihood_of_probabilistic_pca() -> None:
    model = fitted_ppca(2)
    torch.testing.assert_close(
        exact_log_likelihood(model, X[:5]), model.log_marginal(X[:5]), rtol=0, atol=0.01
    )


def test_the_elbo_of_probabilistic_pca_is_its_likelihood() -> None:
    model = fitted_ppca(2)
    generator = torch.Generator().manual_seed(0)
    terms = elbo_terms(model, X, generator=generator, samples=2_000)
    torch.testing.assert_close(
        terms.elbo.double().mean(), model.log_marginal(X).mean(), rtol=0, atol=0.02
    )


def test_images_that_are_all_alike_are_learned_without_a_division_by_zero() -> None:
    images = torch.full((9, 1, 3, 3), 100, dtype=torch.uint8)
    for kind in ("pca", "ppca"):
        model = build_model(ModelConfig((1, 3, 3), 2, kind, **LINEAR)).requires_grad_(False)
        model.fit(images)
        mu, _ = model.encode(images / 255)
        assert (mu.abs() < 1e-3).all()
        torch.testing.assert_close(model.decode(mu), images / 255, rtol=0, atol=1e-3)


def test_more_dimensions_than_components_are_refused() -> None:
    model = build_model(ModelConfig((1, 3, 3), 4, "pca", **LINEAR))
    with pytest.raises(ConfigError, match="only 4 principal components"):
        model.fit(torch.zeros(4, 1, 3, 3, dtype=torch.uint8))


@pytest.mark.parametrize("change", [{"hidden": (5,)}, {"likelihood": "bernoulli"}])
def test_what_is_not_linear_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is linear"):
        linear_model("ppca", **change)
