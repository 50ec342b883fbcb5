"""Objectives of the plain autoencoder, whose code is mu and whose KL is none.

Each is `objective(model, x, *, generator, **settings) -> ObjectiveTerms`, see `objectives`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.data.corruption import corrupt
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import ObjectiveTerms, autoencoder_terms


def plain_autoencoder(
    model: LatentModel, x: Tensor, *, generator: torch.Generator
) -> ObjectiveTerms:
    """-log p(x given z = mu(x))."""
    return _terms(autoencoder_terms(model, x, generator=generator).reconstruction, model)


def denoising_autoencoder(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    corruption: str = "gaussian",
    amount: float = 0.3,
) -> ObjectiveTerms:
    """-log p(x given z = mu(corrupted x)) (Vincent et al. 2008)."""
    corrupted = corrupt(x, generator, corruption=corruption, amount=amount)
    mu, _ = model.encode(corrupted)
    return _terms(model.log_likelihood(x, mu), model)


def contractive_autoencoder(
    model: LatentModel, x: Tensor, *, generator: torch.Generator, weight: float = 0.1
) -> ObjectiveTerms:
    """-log p(x given mu(x)) + weight * |d mu / d x|^2, mean over images (Rifai et al. 2011).

    The squared Frobenius norm of the encoder's Jacobian, exactly, one backward pass for each latent
    dimension; in parts as jacobian.
    """
    wanted = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():  # the norm is wanted in evaluation, too
        leaf = x.detach().clone().requires_grad_()
        mu, _ = model.encode(leaf)
        rows = [
            torch.autograd.grad(column.sum(), leaf, create_graph=wanted, retain_graph=True)[0]
            for column in mu.unbind(1)
        ]
    norm = torch.stack(rows).square().sum() / len(x)
    reconstruction = model.log_likelihood(x, mu)
    total = weight * norm - reconstruction.mean()
    return ObjectiveTerms(reconstruction, torch.zeros_like(mu), total, {"jacobian": norm})


def _terms(reconstruction: Tensor, model: LatentModel) -> ObjectiveTerms:
    no_kl = reconstruction.new_zeros(len(reconstruction), model.latent_dim)
    return ObjectiveTerms(reconstruction, no_kl, -reconstruction.mean())
