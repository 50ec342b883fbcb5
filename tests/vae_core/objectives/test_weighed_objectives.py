"""Objectives with settings: closed forms, loops by hand, finite differences."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from torch import distributions

from tests.vae_core.arrays import seeded
from vae_core.data.corruption import CORRUPTIONS, corrupt
from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import likelihood_names
from vae_core.objectives.aggregate import beta_tcvae, dip_vae, info_vae, mmd, wae_mmd
from vae_core.objectives.autoencoder import (
    contractive_autoencoder,
    denoising_autoencoder,
    plain_autoencoder,
)
from vae_core.objectives.terms import ObjectiveTerms, elbo_terms, importance_log_weights, loss
from vae_core.objectives.variational import (
    beta_vae,
    capacity_vae,
    doubly_reparameterised_iwae,
    free_bits,
    iwae,
    ramp,
)

Objective = Callable[..., ObjectiveTerms]
N = 40  # images of the data set that the batches are from

# name -> objective, settings; those of a VAE, then those of any model
FOR_VAES: dict[str, tuple[Objective, dict[str, Any]]] = {
    "beta": (beta_vae, {"beta": 4.0, "samples": 2}),
    "capacity": (capacity_vae, {"capacity": 1.7, "gamma": 30.0}),
    "free bits": (free_bits, {"free_nats": 0.05}),
    "iwae": (iwae, {"samples": 5}),
    "doubly reparameterised": (doubly_reparameterised_iwae, {"samples": 5}),
    "tc weighted": (beta_tcvae, {"dataset_size": N, "beta": 6.0}),
    "tc stratified": (beta_tcvae, {"dataset_size": N, "alpha": 2.0, "sampling": "stratified"}),
    "dip i": (dip_vae, {}),
    "dip ii": (dip_vae, {"kind": "ii", "diagonal": 10.0}),
    "info": (info_vae, {"alpha": 0.3, "weight": 20.0}),
}
FOR_ALL: dict[str, tuple[Objective, dict[str, Any]]] = {
    "wae": (wae_mmd, {}),
    "plain": (plain_autoencoder, {}),
    "denoising": (denoising_autoencoder, {}),
    "masking": (denoising_autoencoder, {"corruption": "masking", "amount": 0.5}),
    "contractive": (contractive_autoencoder, {"weight": 2.0}),
}
OBJECTIVES = FOR_VAES | FOR_ALL


def random_model(kind: str = "vae", **settings: Any) -> LatentModel:
    torch.manual_seed(1)
    config = ModelConfig((1, 4, 3), 3, kind=kind, hidden=(6,), **settings)
    return build_model(config).double().eval()


def pixels(n: int = 6, *, seed: int = 5) -> torch.Tensor:
    return torch.rand(n, 1, 4, 3, generator=seeded(seed), dtype=torch.float64)


# What is true of all


def smallest_models() -> list[tuple[str, str, str]]:
    """Every objective with every likelihood and every kind of model that it takes."""
    return [
        (name, likelihood, kind)
        for name in OBJECTIVES
        for likelihood in likelihood_names()
        for kind in (("vae",) if name in FOR_VAES else ("vae", "autoencoder"))
    ]


@pytest.mark.parametrize(("name", "likelihood", "kind"), smallest_models())
def test_terms_are_of_each_image_and_dimension(name: str, likelihood: str, kind: str) -> None:
    """That all of it trains every network is tested with the learners."""
    objective, settings = OBJECTIVES[name]
    terms = objective(
        random_model(kind, likelihood=likelihood), pixels(4), generator=seeded(), **settings
    )
    assert terms.loss.shape == () and torch.isfinite(terms.loss)
    assert terms.reconstruction.shape == (4,) and terms.kl.shape == (4, 3)
    assert all(part.shape == () for part in terms.parts.values())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    """Along a random direction of all weights; but IWAE's other gradient is none of one draw."""
    objective, settings = OBJECTIVES[name]
    model, x = random_model(), pixels()
    weights = [
        (key, p)
        for key, p in model.named_parameters()
        if name != "doubly reparameterised" or key.startswith("decoder")
    ]
    objective(model, x, generator=seeded(3), **settings).loss.backward()
    directions = [torch.randn(p.shape, generator=seeded(9)).double() for _, p in weights]
    slope = sum((p.grad * v).sum() for (_, p), v in zip(weights, directions, strict=True))
    losses = []
    for step in (1e-5, -2e-5):
        with torch.no_grad():
            for (_, p), v in zip(weights, directions, strict=True):
                p += step * v
        losses.append(objective(model, x, generator=seeded(3), **settings).loss.item())
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(slope.item(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_draws_from_its_generator_alone(name: str) -> None:
    objective, settings = OBJECTIVES[name]
    model, x = random_model(), pixels()
    state = torch.random.get_rng_state()
    first, again = (objective(model, x, generator=seeded(3), **settings).loss for _ in range(2))
    assert first == again
    assert torch.equal(torch.random.get_rng_state(), state)
    with torch.inference_mode():  # as an evaluation calls it
        evaluated = objective(model, pixels(), generator=seeded(3), **settings).loss
    torch.testing.assert_close(evaluated, first.detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", FOR_VAES)
def test_a_plain_autoencoder_is_refused_where_a_posterior_is_needed(name: str) -> None:
    if name == "info":
        return
    objective, settings = FOR_VAES[name]
    with pytest.raises(ConfigError, match="no posterior"):
        objective(random_model("autoencoder"), pixels(), generator=seeded(), **settings)


# The ELBO's family


def test_a_weighed_kl_is_the_loss_of_training() -> None:
    model, x = random_model(), pixels()
    terms = elbo_terms(model, x, generator=seeded(2), samples=3)
    ours = beta_vae(model, x, generator=seeded(2), samples=3, beta=2.5)
    assert ours.loss == loss(terms, 2.5)
    assert torch.equal(ours.reconstruction, terms.reconstruction) and torch.equal(ours.kl, terms.kl)


def test_the_kl_is_drawn_to_its_capacity_from_both_sides() -> None:
    model, x = random_model(), pixels()
    terms = elbo_terms(model, x, generator=seeded())
    kl, reconstruction = terms.kl.sum(1).mean(), terms.reconstruction.mean()
    for capacity in (0.0, kl.item(), 9.0):
        ours = capacity_vae(model, x, generator=seeded(), capacity=capacity, gamma=7.0)
        assert ours.loss.item() == pytest.approx(
            (7 * abs(kl - capacity) - reconstruction).item(), abs=1e-9
        )


def test_nats_below_the_free_ones_are_not_pressed() -> None:
    model, x = random_model(), pixels()
    by_dimension = elbo_terms(model, x, generator=seeded()).kl.mean(0).detach()
    threshold = float(by_dimension.median())
    ours = free_bits(model, x, generator=seeded(), free_nats=threshold)
    counted = sum(max(threshold, float(kl)) for kl in by_dimension)
    assert ours.parts["counted_kl"].item() == pytest.approx(counted)
    gradient = torch.autograd.grad(ours.parts["counted_kl"], model.encoder[-1].weight)[0]
    free = by_dimension < threshold
    assert not gradient[:3][free].any() and gradient[:3][~free].any()
    none_free = free_bits(model, x, generator=seeded(), free_nats=0.0)
    assert none_free.loss.item() == pytest.approx(
        beta_vae(model, x, generator=seeded()).loss.item()
    )


def test_a_ramp_rises_evenly_and_stays() -> None:
    assert [ramp(step, 4, 2.0) for step in range(6)] == [0, 0.5, 1, 1.5, 2, 2]
    assert ramp(1, 2, 1.0, first=3.0) == 2 and ramp(0, 0, 5.0) == 5


@pytest.mark.parametrize("name", [name for name in FOR_VAES if name != "capacity"])
def test_the_weight_of_the_kl_weighs_what_the_objective_adds_to_the_reconstruction(
    name: str,
) -> None:
    objective, settings = FOR_VAES[name]
    if "samples" in settings:
        settings = {**settings, "samples": 1}  # of more draws the bound is no sum of the two
    model, x = random_model(), pixels()
    losses = [
        objective(model, x, generator=seeded(4), kl_weight=weight, **settings).loss
        for weight in (0.0, 0.3, 1.0)
    ]
    torch.testing.assert_close(losses[1], 0.7 * losses[0] + 0.3 * losses[2])
    torch.testing.assert_close(losses[2], objective(model, x, generator=seeded(4), **settings).loss)
    if not name.startswith(("dip", "info")):  # they have more than a KL
        mu, logvar = model.encode(x)
        z = model.sample_posterior(mu, logvar, seeded(4))
        torch.testing.assert_close(losses[0], -model.log_likelihood(x, z).mean())


# IWAE


@pytest.mark.parametrize("objective", [iwae, doubly_reparameterised_iwae])
def test_one_draw_of_the_bound_is_the_sampled_elbo(objective: Objective) -> None:
    model, x = random_model(), pixels().round()
    ours = objective(model, x, generator=seeded(4), samples=1)
    mu, logvar = model.encode(x)
    q = distributions.Normal(mu, torch.exp(logvar / 2))
    z = q.mean + q.stddev * torch.randn(6, 3, generator=seeded(4), dtype=torch.float64)
    likelihood = distributions.Bernoulli(logits=model.decode_parameters(z))
    prior = distributions.Normal(torch.zeros(3).double(), 1.0)
    sampled = likelihood.log_prob(x).sum((1, 2, 3)) + (prior.log_prob(z) - q.log_prob(z)).sum(1)
    torch.testing.assert_close(ours.loss, -sampled.mean())
    torch.testing.assert_close(ours.elbo, sampled)


@pytest.mark.parametrize("objective", [iwae, doubly_reparameterised_iwae])
def test_the_bound_is_the_log_of_the_mean_weight(objective: Objective) -> None:
    model, x = random_model(), pixels()
    weights = importance_log_weights(model, x, generator=seeded(4), samples=9)
    ours = objective(model, x, generator=seeded(4), samples=9)
    torch.testing.assert_close(ours.loss, -weights.exp().mean(1).log().mean())
    torch.testing.assert_close(ours.elbo, weights.mean(1))
    torch.testing.assert_close(ours.kl, elbo_terms(model, x, generator=seeded()).kl)


def linear_gaussian() -> LatentModel:
    torch.manual_seed(2)
    config = ModelConfig((1, 2, 2), 2, hidden=(), likelihood="gaussian", sigma=0.5, link="identity")
    return build_model(config).double().eval()


def gradients(
    objective: Objective, draws: int, samples: int, **settings: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of the encoder (draws, weights) and the decoder, one for each batch of draws."""
    model = linear_gaussian()
    x = torch.rand(1, 1, 2, 2, generator=seeded(7), dtype=torch.float64).expand(50, 1, 2, 2)
    rows: dict[str, list[torch.Tensor]] = {"encoder": [], "decoder": []}
    for draw in range(draws):
        model.zero_grad()
        objective(model, x, generator=seeded(draw), samples=samples, **settings).loss.backward()
        for part, found in rows.items():
            parameters = getattr(model, part).parameters()
            found.append(torch.cat([p.grad.flatten() for p in parameters]))
    return torch.stack(rows["encoder"]), torch.stack(rows["decoder"])


@pytest.mark.parametrize("kl_weight", [1.0, 0.4])
def test_the_doubly_reparameterised_gradient_is_the_bounds_in_expectation(kl_weight: float) -> None:
    plain, plain_decoder = gradients(iwae, 300, samples=4, kl_weight=kl_weight)
    double, double_decoder = gradients(
        doubly_reparameterised_iwae, 300, samples=4, kl_weight=kl_weight
    )
    error = ((plain.var(0) + double.var(0)) / 300).sqrt()
    assert ((plain.mean(0) - double.mean(0)).abs() < 4.5 * error).all()
    torch.testing.assert_close(plain_decoder, double_decoder)  # of the same draws, the very same


def test_the_doubly_reparameterised_gradient_is_less_noisy() -> None:
    plain, _ = gradients(iwae, 60, samples=64)
    double, _ = gradients(doubly_reparameterised_iwae, 60, samples=64)
    assert double.var(0).sum() < 0.5 * plain.var(0).sum()


# beta-TCVAE


@pytest.mark.parametrize("sampling", ["weighted", "stratified"])
def test_the_parts_of_the_kl_add_up(sampling: str) -> None:
    model, x = random_model(), pixels()
    ours = beta_tcvae(
        model, x, generator=seeded(2), dataset_size=N, alpha=1, beta=1, gamma=1, sampling=sampling
    )
    mu, logvar = model.encode(x)
    z = model.sample_posterior(mu, logvar, seeded(2))
    q = distributions.Normal(mu, torch.exp(logvar / 2))
    prior = distributions.Normal(torch.zeros(3).double(), 1.0)
    sampled_kl = (q.log_prob(z) - prior.log_prob(z)).sum(1)
    torch.testing.assert_close(sum(ours.parts.values()), sampled_kl.mean())
    torch.testing.assert_close(ours.loss, (sampled_kl - model.log_likelihood(x, z)).mean())


def test_weights_multiply_the_parts() -> None:
    model, x = random_model(), pixels()
    ours = beta_tcvae(model, x, generator=seeded(2), dataset_size=N, alpha=2.0, beta=5.0, gamma=0.5)
    weighed = [w * part for w, part in zip((2.0, 5.0, 0.5), ours.parts.values(), strict=True)]
    torch.testing.assert_close(ours.loss, sum(weighed) - ours.reconstruction.mean())
    assert list(ours.parts) == ["mutual_information", "total_correlation", "dimension_kl"]


def test_weighted_sampling_is_the_papers_sum() -> None:
    """log q(z_i) is about log (1 / (N M)) sum_k q(z_i given x_k) (Chen et al. 2018, eq. 5)."""
    model, x = random_model(), pixels()
    ours = beta_tcvae(model, x, generator=seeded(2), dataset_size=N)
    mu, logvar = (t.detach().numpy() for t in model.encode(x))
    z = model.sample_posterior(*map(torch.from_numpy, (mu, logvar)), seeded(2)).numpy()
    densities = scipy.stats.norm.pdf(z[:, None], mu, np.exp(logvar / 2))  # (i, k, d)
    q_z = densities.prod(2).sum(1) / (N * 6)
    q_zj = densities.sum(1) / (N * 6)
    information = np.log(densities.prod(2).diagonal()) - np.log(q_z)
    correlation = np.log(q_z) - np.log(q_zj).sum(1)
    assert ours.parts["mutual_information"].item() == pytest.approx(information.mean())
    assert ours.parts["total_correlation"].item() == pytest.approx(correlation.mean())


def test_stratified_sampling_is_unbiased() -> None:
    """Over all batches that hold an image, the mean estimate of q(z) at its z is q(z) itself."""
    from vae_core.objectives.aggregate import _batch_log_weights

    n, batch = 5, 3
    densities = torch.rand(n, generator=seeded(), dtype=torch.float64)  # q(z_0 given x_k)
    weights = _batch_log_weights(batch, n, "stratified").exp()
    assert weights.sum(1) == pytest.approx(1)
    estimates = [
        (weights[0] * densities[[0, *others]]).sum().item()
        for others in itertools.permutations(range(1, n), batch - 1)
    ]
    assert np.mean(estimates) == pytest.approx(densities.mean().item())


# DIP-VAE and the discrepancy


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_dip_compares_the_covariance_with_the_identity(kind: str) -> None:
    model, x = random_model(), pixels(20)
    ours = dip_vae(
        model, x, generator=seeded(), kind=kind, off_diagonal=3.0, diagonal=5.0, beta=2.0
    )
    mu, logvar = (t.detach().numpy() for t in model.encode(x))
    covariance = np.cov(mu.T, bias=True)
    if kind == "ii":
        covariance += np.diag(np.exp(logvar).mean(0))
    on = np.diag(covariance)
    off = (covariance**2).sum() - (on**2).sum()
    assert ours.parts["off_diagonal"].item() == pytest.approx(off)
    assert ours.parts["diagonal"].item() == pytest.approx(((on - 1) ** 2).sum())
    expected = 3 * off + 5 * ((on - 1) ** 2).sum() + loss(ours, 2.0).item()
    assert ours.loss.item() == pytest.approx(expected)


def test_dip_is_content_with_white_codes() -> None:
    model, codes = random_model(), torch.randn(500, 3, generator=seeded()).double()
    codes -= codes.mean(0)
    white = codes @ torch.linalg.inv(torch.linalg.cholesky(codes.T @ codes / 500).T)
    model.encode = lambda x: (white, torch.zeros_like(white))
    parts = dip_vae(model, pixels(500), generator=seeded()).parts
    assert max(parts.values()) < 1e-20


def test_the_discrepancy_is_the_sum_over_pairs() -> None:
    a, b = (torch.randn(n, 3, generator=seeded(n)).double() for n in (5, 7))

    def kernel(p: torch.Tensor, q: torch.Tensor) -> float:
        scales = [6 * s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
        return sum(c / (c + float((p - q).square().sum())) for c in scales)

    def mean(pairs: Any) -> float:
        return float(np.mean([kernel(p, q) for p, q in pairs]))

    oracle = (
        mean(itertools.permutations(a, 2))
        + mean(itertools.permutations(b, 2))
        - 2 * mean(itertools.product(a, b))
    )
    assert mmd(a, b).item() == pytest.approx(oracle)


def test_the_discrepancy_is_nothing_in_expectation_for_two_of_a_kind() -> None:
    draws = torch.stack(
        [mmd(*torch.randn(2, 40, 2, generator=seeded(seed))) for seed in range(200)]
    )
    assert abs(draws.mean()) < 4 * draws.std() / math.sqrt(200)
    apart = mmd(torch.randn(40, 2, generator=seeded()) + 2, torch.randn(40, 2, generator=seeded(1)))
    assert apart > 10 * draws.std()


def test_info_vae_between_the_elbo_and_wae() -> None:
    model, x = random_model(), pixels()
    one_draw = beta_vae(model, x, generator=seeded(2)).loss
    assert info_vae(model, x, generator=seeded(2), alpha=0, weight=1).loss == one_draw
    wae = wae_mmd(model, x, generator=seeded(2), weight=7.0)
    assert info_vae(model, x, generator=seeded(2), alpha=1, weight=7.0).loss == wae.loss
    expected = 7 * wae.parts["mmd"] - wae.reconstruction.mean()
    torch.testing.assert_close(wae.loss, expected)


# Autoencoders


def test_without_noise_denoising_is_plain() -> None:
    model, x = random_model("autoencoder"), pixels()
    plain = plain_autoencoder(model, x, generator=seeded())
    assert plain.loss == -model.log_likelihood(x, model.encode(x)[0]).mean()
    for corruption in CORRUPTIONS:
        same = denoising_autoencoder(
            model, x, generator=seeded(), corruption=corruption, amount=0.0
        )
        assert same.loss == plain.loss
    noisy = denoising_autoencoder(model, x, generator=seeded(), amount=0.8)
    corrupted = corrupt(x, seeded(), amount=0.8)
    assert noisy.loss == -model.log_likelihood(x, model.encode(corrupted)[0]).mean()


def test_the_jacobian_of_a_linear_encoder_is_its_weight() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig((1, 4, 3), 3, kind="autoencoder", hidden=())).double()
    ours = contractive_autoencoder(model, pixels(), generator=seeded(), weight=2.0)
    norm = model.encoder[1].weight[:3].square().sum()
    torch.testing.assert_close(ours.parts["jacobian"], norm)
    torch.testing.assert_close(ours.loss, 2 * norm - ours.reconstruction.mean())


def test_the_jacobian_is_that_of_finite_differences() -> None:
    model, x = random_model("autoencoder").requires_grad_(False), pixels(3)
    ours = contractive_autoencoder(model, x, generator=seeded()).parts["jacobian"]
    squares, step = 0.0, 1e-6
    for image in x:
        for pixel in range(12):
            nudge = torch.zeros(12).double()
            nudge[pixel] = step
            ends = torch.stack([image + nudge.view_as(image), image - nudge.view_as(image)])
            high, low = model.encode(ends)[0]
            squares += float(((high - low) / (2 * step)).square().sum())
    assert ours.item() == pytest.approx(squares / 3, rel=1e-6)


# What is refused


@pytest.mark.parametrize(
    ("objective", "settings", "said"),
    [
        (beta_tcvae, {"dataset_size": 5}, "A batch of 6 images of 5"),
        (beta_tcvae, {"dataset_size": N, "sampling": "random"}, "Unknown sampling 'random'"),
        (dip_vae, {"kind": "iii"}, "Unknown kind 'iii'"),
        (denoising_autoencoder, {"corruption": "salt"}, "Unknown corruption 'salt'"),
        (denoising_autoencoder, {"amount": 1.5}, "amount=1.5"),
    ],
)
def test_settings_out_of_range_are_refused(
    objective: Objective, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        objective(random_model(), pixels(), generator=seeded(), **settings)


@pytest.mark.parametrize("objective", [wae_mmd, info_vae])
def test_one_image_has_no_discrepancy(objective: Objective) -> None:
    with pytest.raises(ConfigError, match="two images"):
        objective(random_model(), pixels(1), generator=seeded())
