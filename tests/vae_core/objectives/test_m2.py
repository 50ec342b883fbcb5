"""M2's bounds are sums that can be written out, and lie below log p(x), the better q the closer."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MultivariateNormal, Normal, kl_divergence

from tests.vae_core.arrays import seeded
from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.m2 import M2
from vae_core.objectives.m2 import class_error, labelled_bound, m2_objective, unlabelled_terms

K, D, PIXELS = 3, 2, 6
SIGMA = 0.3


def m2(hidden: tuple[int, ...] = (7, 5), likelihood: str = "bernoulli") -> M2:
    torch.manual_seed(1)
    config = ModelConfig(
        (1, 2, 3), D, "m2", hidden=hidden, likelihood=likelihood, sigma=SIGMA, link="identity",
        classes=K,
    )  # fmt: skip
    model = build_model(config).double().requires_grad_(False)
    assert isinstance(model, M2)
    return model


def images(n: int) -> Tensor:
    return torch.rand(n, 1, 2, 3, generator=seeded(9)).double()


def log_px(model: M2, x: Tensor, z: Tensor, y: Tensor) -> Tensor:
    """log p(x|y, z) by torch.distributions, for M2 with a Bernoulli likelihood."""
    pixels = model.decode_class(z, y)
    return (x * pixels.log() + (1 - x) * (1 - pixels).log()).sum((1, 2, 3))


def test_the_labelled_bound_is_the_sum_of_its_parts() -> None:
    model, x, y = m2(), images(5), torch.tensor([0, 2, 1, 1, 0])
    bound = labelled_bound(model, x, y, generator=seeded())
    mu, logvar = model.encode_class(x, y)
    eps = torch.randn(5, D, generator=seeded(), dtype=torch.double)
    z = mu + torch.exp(logvar / 2) * eps
    kl = kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(bound, log_px(model, x, z, y) - math.log(K) - kl)


def test_the_sum_over_classes_is_that_of_their_enumeration() -> None:
    model, x = m2(), images(4)
    terms = unlabelled_terms(model, x, generator=seeded())
    eps = torch.randn(4, K, D, generator=seeded(), dtype=torch.double)
    q = Categorical(logits=model.classifier(x))
    bound = q.entropy()
    for k in range(K):
        y = torch.full((4,), k)
        mu, logvar = model.encode_class(x, y)
        z = mu + torch.exp(logvar / 2) * eps[:, k]
        kl = kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(0.0, 1.0)).sum(1)
        bound = bound + q.probs[:, k] * (log_px(model, x, z, y) - math.log(K) - kl)
    torch.testing.assert_close(terms.bound, bound)


def exact_mixture(shift: float = 0.0) -> tuple[M2, MultivariateNormal]:
    """A linear M2 with the true posterior, and its p(x|y), K normal distributions.

    x is N(W z + b_y, sigma^2 I), so q(z|x, y) is linear in x with an offset for each class, and
    q(y|x), of normals of one covariance, is a linear classifier. shift: of q(z|x, y) off
    the truth.
    """
    model = m2(hidden=(), likelihood="gaussian")
    w, base = model.decoder.first.weight, model.decoder.first.bias  # (PIXELS, D), (PIXELS,)
    means = base + model.decoder.of_class.weight.T  # (K, PIXELS)
    w.copy_(torch.linalg.qr(w).Q)  # M is diagonal where the columns of W are orthogonal
    m = w.T @ w + SIGMA**2 * torch.eye(D).double()
    into = torch.linalg.solve(m, w.T)  # (D, PIXELS)
    encoder = model.encoder
    encoder.first.weight.copy_(torch.cat([into, torch.zeros_like(into)]))
    logvar = torch.log(SIGMA**2 / m.diagonal())
    encoder.first.bias.copy_(torch.cat([torch.full((D,), shift).double(), logvar]))
    offsets = -into @ means.T  # (D, K)
    encoder.of_class.weight.copy_(torch.cat([offsets, torch.zeros_like(offsets)]))
    covariance = w @ w.T + SIGMA**2 * torch.eye(PIXELS).double()
    linear = torch.linalg.solve(covariance, means.T).T  # (K, PIXELS)
    model.classifier[1].weight.copy_(linear)
    model.classifier[1].bias.copy_(-0.5 * (linear * means).sum(1))
    return model, MultivariateNormal(means, covariance)


def mean_bound(model: M2, x: Tensor, draws: int = 20_000) -> tuple[Tensor, Tensor]:
    """The unlabelled bound of each of a few images, a mean over draws, and its standard error."""
    every = x.repeat_interleave(draws, 0)
    bounds = unlabelled_terms(model, every, generator=seeded()).bound.unflatten(0, (-1, draws))
    return bounds.mean(1), bounds.std(1) / math.sqrt(draws)


def test_the_unlabelled_bound_is_the_likelihood_where_the_posterior_is_true() -> None:
    model, of_class = exact_mixture()
    x = images(3)
    log_p = torch.logsumexp(of_class.log_prob(x.flatten(1)[:, None]), 1) - math.log(K)
    bound, error = mean_bound(model, x)
    assert ((bound - log_p).abs() < 5 * error + 1e-6).all()


def test_the_unlabelled_bound_lies_below_the_likelihood_elsewhere() -> None:
    model, of_class = exact_mixture(shift=0.5)
    x = images(3)
    log_p = torch.logsumexp(of_class.log_prob(x.flatten(1)[:, None]), 1) - math.log(K)
    bound, error = mean_bound(model, x)
    assert (bound + 5 * error < log_p).all()


def test_a_posterior_of_the_class_that_is_sure_and_wrong_lowers_the_bound() -> None:
    model, of_class = exact_mixture()
    x = images(3)
    log_p = torch.logsumexp(of_class.log_prob(x.flatten(1)[:, None]), 1) - math.log(K)
    model.classifier[1].bias[0] += 30
    bound, error = mean_bound(model, x)
    assert (bound + 5 * error < log_p).all()


def test_the_objective_is_both_bounds_and_the_weighed_cross_entropy() -> None:
    model, x, few, y = m2(), images(5), images(3), torch.tensor([2, 0, 1])
    generator = seeded()
    terms = m2_objective(model, x, (few, y), generator=generator, alpha=0.7, share=0.2)
    generator = seeded()
    unlabelled = unlabelled_terms(model, x, generator=generator).bound.mean()
    labelled = labelled_bound(model, few, y, generator=generator).mean()
    cross_entropy = -Categorical(logits=model.classifier(few)).log_prob(y).mean()
    torch.testing.assert_close(terms.loss, -unlabelled - 0.2 * labelled + 0.7 * cross_entropy)


def test_without_its_class_a_z_decodes_to_the_mean_over_the_classes() -> None:
    model, z = m2(), torch.randn(4, D, dtype=torch.double)
    of_class = [model.decode_class(z, torch.full((4,), k)) for k in range(K)]
    torch.testing.assert_close(model.decode(z), torch.stack(of_class).mean(0))
    x = images(4)
    each = torch.stack([log_px(model, x, z, torch.full((4,), k)) for k in range(K)])
    torch.testing.assert_close(model.log_likelihood(x, z), each.exp().mean(0).log())


def test_an_image_is_encoded_with_its_most_probable_class() -> None:
    model, x = m2(), images(4)
    y = model.class_log_probs(x).argmax(1)
    for given, chosen in zip(model.encode(x), model.encode_class(x, y), strict=True):
        assert torch.equal(given, chosen)


def test_a_network_that_cannot_be_told_a_class_is_refused() -> None:
    with pytest.raises(ConfigError, match="fully connected"):
        build_model(ModelConfig((1, 8, 8), kind="m2", network="conv", hidden=(4, 8)))


def test_the_error_of_the_classifier_is_the_share_told_wrongly() -> None:
    model = m2()
    x = torch.rand(8, 1, 2, 3, generator=seeded(), dtype=torch.float64)
    told = model.classifier(x).argmax(1)
    assert class_error(model, x, told) == 0
    wrong = torch.cat([(told[:2] + 1) % K, told[2:]])
    assert class_error(model, x, wrong) == 0.25
