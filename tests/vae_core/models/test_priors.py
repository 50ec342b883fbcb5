"""Priors against torch.distributions, quadrature and their own draws."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tests.vae_core.arrays import seeded
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.errors import ConfigError
from vae_core.latent.decoded import prior_samples
from vae_core.measures.likelihood.importance import importance_log_likelihood
from vae_core.measures.likelihood.quadrature import exact_log_likelihood
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.priors import EqualMixture, StandardNormal, kl_to_standard_normal
from vae_core.models.vae import VAE
from vae_core.objectives.aggregate import beta_tcvae
from vae_core.objectives.terms import elbo_terms, importance_bound, importance_log_weights
from vae_core.objectives.variational import iwae
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train


def mixture(k: int = 5, d: int = 3) -> EqualMixture:
    return EqualMixture(
        torch.randn(k, d, generator=seeded(1)).double(),
        torch.randn(k, d, generator=seeded(2)).double(),
    )


def explicit(prior: EqualMixture) -> MixtureSameFamily:
    normals = Independent(Normal(prior.mu, (0.5 * prior.logvar).exp()), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(prior.mu))), normals)


def test_a_mixtures_log_density_is_torchs() -> None:
    prior = mixture()
    z = 2 * torch.randn(4, 7, 3, generator=seeded()).double()
    assert torch.allclose(prior.log_prob(z), explicit(prior).log_prob(z))


def test_a_mixture_draws_from_itself() -> None:
    prior = mixture()
    z = prior.sample(200_000, seeded()).double()
    assert torch.equal(z, prior.sample(200_000, seeded()).double())
    truth = explicit(prior)
    assert torch.allclose(z.mean(0), truth.mean, atol=0.03)
    assert torch.allclose(z.var(0), truth.variance, rtol=0.03)


def draws(mu: Tensor, logvar: Tensor, samples: int) -> Tensor:
    eps = torch.randn(samples, *mu.shape, generator=seeded(3)).double()
    return mu + (0.5 * logvar).exp() * eps


def test_the_kl_to_a_mixture_sums_over_dimensions_to_the_sampled_whole() -> None:
    prior = mixture()
    mu, logvar = (torch.randn(6, 3, generator=seeded(k)).double() for k in (4, 5))
    z = draws(mu, logvar, samples=8)
    posterior = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    sampled = (posterior.log_prob(z) - explicit(prior).log_prob(z)).mean(0)
    kl = prior.kl(mu, logvar, z)
    assert kl.shape == (6, 3)
    assert torch.allclose(kl.sum(1), sampled)


def test_the_kl_to_one_gaussian_is_its_closed_form_by_dimension() -> None:
    prior = mixture(k=1)
    mu, logvar = torch.zeros(1, 3).double(), torch.zeros(1, 3).double()
    exact = torch.distributions.kl_divergence(
        Normal(mu, (0.5 * logvar).exp()), Normal(prior.mu, (0.5 * prior.logvar).exp())
    )
    sampled = prior.kl(mu, logvar, draws(mu, logvar, samples=100_000))
    assert torch.allclose(sampled, exact, rtol=0.03)


def test_the_kl_of_a_mixture_to_itself_in_one_dimension_is_what_quadrature_gives() -> None:
    prior = mixture(k=3, d=1)
    mu, logvar = torch.tensor([[0.3]]).double(), torch.tensor([[-1.0]]).double()
    z = torch.linspace(-12, 12, 200_001).double()[:, None]
    log_q = Normal(mu, (0.5 * logvar).exp()).log_prob(z)[:, 0]
    integrand = log_q.exp() * (log_q - prior.log_prob(z))
    exact = torch.trapezoid(integrand, z[:, 0])
    sampled = prior.kl(mu, logvar, draws(mu, logvar, samples=200_000))
    assert float(sampled) == pytest.approx(float(exact), rel=0.02)


def test_the_standard_normal_is_torchs() -> None:
    prior = StandardNormal(3)
    z = torch.randn(4, 5, 3, generator=seeded())
    assert torch.allclose(prior.log_prob(z), Normal(0.0, 1.0).log_prob(z).sum(-1), atol=1e-5)
    mu, logvar = torch.randn(2, 6, 3, generator=seeded(1))
    exact = torch.distributions.kl_divergence(
        Normal(mu, (0.5 * logvar).exp()), Normal(torch.zeros(()), torch.ones(()))
    )
    assert torch.allclose(prior.kl(mu, logvar, z), exact, atol=1e-5)
    assert torch.equal(prior.kl(mu, logvar, z), kl_to_standard_normal(mu, logvar))
    assert prior.sample(9, seeded()).shape == (9, 3)
    sampled = prior.sample(50_000, seeded())
    assert abs(float(sampled.var()) - 1) < 0.02 and math.isfinite(float(sampled.sum()))


# A VAE with a VampPrior


def vamp_model(d: int = 2, **settings: int) -> VAE:
    torch.manual_seed(0)
    config = ModelConfig((1, 3, 3), d, hidden=(8,), prior="vamp", pseudo_inputs=4, **settings)
    model = build_model(config).double().eval()
    assert isinstance(model, VAE)
    return model


def x_of(n: int) -> Tensor:
    return torch.rand(n, 1, 3, 3, generator=seeded(7)).round().double()


def explicit_prior(model: VAE) -> MixtureSameFamily:
    """(1/K) sum_k q(z given u_k) of the model's pseudo-inputs (Tomczak & Welling 2018, eq. 9)."""
    u = torch.sigmoid(model.pseudo_logits)
    mu, logvar = model.encode(u)
    normals = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    return MixtureSameFamily(Categorical(torch.ones(4)), normals)


@pytest.mark.parametrize("samples", [1, 3])
def test_the_elbo_with_a_vamp_prior_is_that_of_torch_by_the_same_draws(samples: int) -> None:
    model, x = vamp_model(d=3), x_of(5)
    terms = elbo_terms(model, x, generator=seeded(), samples=samples)
    mu, logvar = model.encode(x)
    draw = seeded()
    z = torch.stack([model.sample_posterior(mu, logvar, draw) for _ in range(samples)])
    posterior = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    log_px_z = torch.stack([model.log_likelihood(x, each) for each in z])
    elbo = (log_px_z + explicit_prior(model).log_prob(z) - posterior.log_prob(z)).mean(0)
    assert torch.allclose(terms.elbo, elbo)
    assert terms.kl.shape == (5, 3)


def test_importance_weights_hold_the_vamp_prior() -> None:
    model, x = vamp_model(), x_of(4)
    weights = importance_log_weights(model, x, generator=seeded(), samples=1)
    bound = iwae(model, x, generator=seeded(), samples=1)
    assert torch.allclose(-bound.loss, weights.mean())
    assert torch.allclose(bound.elbo, importance_bound(weights))


def test_log_px_under_a_vamp_prior_is_what_quadrature_gives() -> None:
    model, x = vamp_model(), x_of(6)
    exact = exact_log_likelihood(model, x)
    sampled = importance_log_likelihood(model, x, samples=20_000, generator=seeded())
    assert torch.allclose(sampled, exact, atol=0.02)
    plain = build_model(ModelConfig((1, 3, 3), 2, hidden=(8,))).double().eval()
    plain.load_state_dict({k: w for k, w in model.state_dict().items() if "pseudo" not in k})
    assert not torch.allclose(exact_log_likelihood(plain, x), exact, atol=0.02)


def test_draws_of_a_vamp_prior_are_of_the_mixture() -> None:
    model = vamp_model()
    z = model.sample_prior(100_000, seeded()).double()
    truth = explicit_prior(model)
    assert torch.allclose(z.mean(0), truth.mean, atol=0.02)
    assert torch.allclose(z.var(0), truth.variance, rtol=0.03)
    assert prior_samples(model.float(), 5, seed=0)[1].shape == (5, 1, 3, 3)


def test_a_model_learns_its_vamp_prior_and_is_saved_with_it(tmp_path: Path) -> None:
    config = TrainConfig(hidden=(32,), prior="vamp", pseudo_inputs=9, epochs=6, batch_size=128)
    *_, last = train(config)
    model = last.model
    assert isinstance(model, VAE) and last.test is not None
    assert model.pseudo_inputs.shape == (9, 1, 8, 8)
    save_checkpoint(tmp_path / "vamp", model, config=config)
    again = load_checkpoint(tmp_path / "vamp")
    z = torch.randn(6, 2)
    assert torch.equal(again.prior().log_prob(z), model.eval().prior().log_prob(z))
    x = load_dataset("digits", "test").floats()
    to_own = elbo_terms(again, x, generator=seeded(), samples=20).kl.sum(1).mean()
    to_normal = kl_to_standard_normal(*again.encode(x)).sum(1).mean()
    assert float(to_own) < float(to_normal)  # the prior has moved to where the codes are


def test_what_needs_independent_dimensions_refuses_a_vamp_prior() -> None:
    with pytest.raises(ConfigError, match="leave the prior at normal"):
        beta_tcvae(vamp_model(), x_of(4), generator=seeded(), dataset_size=9)
    TrainConfig(prior="vamp", objective="factor-vae")
    for prior, objective in (("flat", "elbo"), ("vamp", "autoencoder"), ("vamp", "beta-tcvae")):
        with pytest.raises(ConfigError, match=f"prior='?{prior}"):
            TrainConfig(prior=prior, objective=objective)
    with pytest.raises(ConfigError, match="pseudo_inputs=0"):
        TrainConfig(prior="vamp", pseudo_inputs=0)


def test_no_kl_is_below_zero() -> None:
    logvar = torch.cat([torch.linspace(-1e-3, 1e-3, 2_001), torch.tensor([0.0])])
    assert kl_to_standard_normal(torch.zeros_like(logvar), logvar).min() == 0
