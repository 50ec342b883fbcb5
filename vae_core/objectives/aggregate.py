"""Objectives that look at a batch of codes as a whole: how they spread and what they share.

Each is `objective(model, x, *, generator, **settings) -> ObjectiveTerms`, see `objectives`; one z
is drawn for each image.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import StandardNormal, log_normal
from vae_core.objectives.terms import ObjectiveTerms, variational

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def beta_tcvae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    dataset_size: int,
    alpha: float = 1.0,
    beta: float = 6.0,
    gamma: float = 1.0,
    sampling: str = "weighted",
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """-reconstruction + alpha * information + beta * total correlation + gamma * dimension-wise KL.

    Chen et al. (2018, eq. 4); all ones are the ELBO with its KL sampled; kl_weight weighs all
    three, see `beta_vae`. log q(z) of the whole data
    set of `dataset_size` images is estimated from the batch: sampling="weighted" (their eq. 5) or
    "stratified" (appendix C.2), whose q(z) is unbiased; the published code weighs otherwise, see
    `_batch_log_weights`. parts: the three, as
    `vae_core.measures.likelihood.elbo_surgery` names them.
    """
    if not isinstance(model.prior(), StandardNormal):
        raise ConfigError(
            "beta-TCVAE takes the KL apart by dimensions that the prior holds independent; leave "
            "the prior at normal."
        )
    mu, logvar, z, reconstruction, kl = _terms(variational(model), x, generator)
    log_weight = _batch_log_weights(len(x), dataset_size, sampling).to(z)
    # log q(z_i given x_k) of every pair, by dimension: (batch, batch, d)
    log_q = log_normal((z[:, None] - mu) * torch.exp(-0.5 * logvar)) - 0.5 * logvar
    log_q_z_x = log_q.diagonal().sum(0)  # diagonal() puts the batch last
    log_q_z = torch.logsumexp(log_q.sum(2) + log_weight, 1)
    log_q_zj = torch.logsumexp(log_q + log_weight[:, :, None], 1)
    parts = {
        "mutual_information": (log_q_z_x - log_q_z).mean(),
        "total_correlation": (log_q_z - log_q_zj.sum(1)).mean(),
        "dimension_kl": (log_q_zj - log_normal(z)).sum(1).mean(),
    }
    weighed = sum(w * part for w, part in zip((alpha, beta, gamma), parts.values(), strict=True))
    return ObjectiveTerms(reconstruction, kl, kl_weight * weighed - reconstruction.mean(), parts)


def dip_vae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    kind: str = "i",
    off_diagonal: float = 10.0,
    diagonal: float = 100.0,
    beta: float = 1.0,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """-reconstruction + kl_weight * beta * KL + what the codes' covariance lacks of the identity.

    off_diagonal * sum of its squares off the diagonal + diagonal * sum of (C_jj - 1)^2 on it, with
    C = Cov[mu] for kind "i" and Cov[mu] + E[diag sigma^2], that of z, for "ii" (Kumar et al. 2018,
    eq. 6 and 7; they take diagonal = 10 off_diagonal for I, and both alike for II). Cov[mu] is over
    the batch and divided by its n images, not n - 1, as disentanglement_lib has it.
    """
    if kind not in ("i", "ii"):
        raise ConfigError(f"Unknown kind {kind!r} of DIP-VAE; choose i or ii.")
    mu, logvar, _, reconstruction, kl = _terms(variational(model), x, generator)
    centred = mu - mu.mean(0)
    covariance = centred.T @ centred / len(mu)
    if kind == "ii":
        covariance = covariance + torch.diag(logvar.exp().mean(0))
    on = covariance.diagonal()
    parts = {
        "off_diagonal": covariance.square().sum() - on.square().sum(),
        "diagonal": (on - 1).square().sum(),
    }
    penalty = off_diagonal * parts["off_diagonal"] + diagonal * parts["diagonal"]
    total = kl_weight * beta * kl.sum(1).mean() + penalty - reconstruction.mean()
    return ObjectiveTerms(reconstruction, kl, total, parts)


def info_vae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    alpha: float = 0.0,
    weight: float = 1_000.0,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """-reconstruction + kl_weight * (1 - alpha) * KL + (alpha + weight - 1) * MMD(q(z), p(z)).

    Zhao et al. (2019, eq. 6, with lambda = `weight`); alpha = 0 and weight = 1 are the ELBO. The
    distance between the batch's codes and as many draws of the prior is `mmd`, in parts.
    """
    return _with_mmd(model, x, generator, kl_weight * (1 - alpha), alpha + weight - 1)


def wae_mmd(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, weight: float = 10.0
) -> ObjectiveTerms:
    """-reconstruction + weight * MMD(q(z), p(z)) (Tolstikhin et al. 2018, algorithm 2).

    For a VAE, whose codes are drawn, or a plain autoencoder, whose codes are mu.
    """
    return _with_mmd(model, x, generator, 0.0, weight)


def mmd(z: Tensor, prior: Tensor) -> Tensor:
    """The squared maximum mean discrepancy of two samples (n, d) and (m, d), unbiased, ().

    Inverse multiquadratic kernels C / (C + |a - b|^2), summed over C = 2 d s for seven scales s
    from 0.1 to 10 (Tolstikhin et al. 2018, section 4). 0 in expectation for two samples of one
    distribution; single values may be negative.
    """
    scales = 2 * z.shape[1] * torch.tensor(_SCALES, dtype=z.dtype, device=z.device)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = (a[:, None] - b).square().sum(2)
        return (scales / (scales + squares[:, :, None])).sum(2)

    n, m, itself = len(z), len(prior), len(_SCALES)  # a kernel of a point with itself is 1
    within_z = (kernel(z, z).sum() - n * itself) / (n * (n - 1))
    within_prior = (kernel(prior, prior).sum() - m * itself) / (m * (m - 1))
    return within_z + within_prior - 2 * kernel(z, prior).mean()


def _with_mmd(
    model: LatentModel, x: Tensor, generator: torch.Generator, kl_weight: float, mmd_weight: float
) -> ObjectiveTerms:
    if len(x) < 2:
        raise ConfigError("The discrepancy of a batch needs two images at least.")
    _, _, z, reconstruction, kl = _terms(model, x, generator)
    distance = mmd(z, model.sample_prior(len(z), generator).to(z))
    total = kl_weight * kl.sum(1).mean() + mmd_weight * distance - reconstruction.mean()
    return ObjectiveTerms(reconstruction, kl, total, {"mmd": distance})


def _terms(
    model: LatentModel, x: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """mu, logvar, z (batch, d) each, reconstruction (batch,), KL (batch, d), 0 without a sigma."""
    mu, logvar = model.encode(x)
    z = model.sample_posterior(mu, logvar, generator)
    kl = torch.zeros_like(mu)
    if model.is_variational:
        kl = model.prior().kl(mu, logvar, z[None])
    return mu, logvar, z, model.log_likelihood(x, z), kl


def _batch_log_weights(batch: int, n: int, sampling: str) -> Tensor:
    """Log weights (batch, batch) of each image k, by columns, in q(z) at the z of each image i.

    n: images of the data set. Weighted: 1 / (n batch) each. Stratified: 1 / n for image i itself,
    1 / M for each of the M = batch - 1 others but one, whose is (n - M) / (n M). The code published
    with the paper has these by columns, 1 / n in the first (but for one row) and (n - M) / (n M) in
    the second, so that an image's own weight is 1 / n in the first row alone.
    """
    if not 2 <= batch <= n:
        raise ConfigError(f"A batch of {batch} images of {n}: 2 to all of them can be weighed.")
    if sampling == "weighted":
        return torch.full((batch, batch), -math.log(n * batch), dtype=torch.float64)
    if sampling != "stratified":
        raise ConfigError(f"Unknown sampling {sampling!r}; choose weighted or stratified.")
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others, dtype=torch.float64)
    weights.diagonal().fill_(1 / n)
    rows = torch.arange(batch)
    weights[rows, (rows + 1) % batch] = (n - others) / (n * others)
    return weights.log()
