"""The measure prior-holes: how often the prior asks for images that the decoder never learned."""

from __future__ import annotations

import torch

from vae_core.data.image_dataset import ImageDataset
from vae_core.latent.latents import Latents
from vae_core.latent.samplers import aggregate_draws, fit_mixture, parted
from vae_core.measures.codes.aggregate_density import prior_holes
from vae_core.measures.registry import register_measure
from vae_core.models.latent_model import LatentModel

DRAWS = 2_000  # of the prior
COMPONENTS = 10


@register_measure(
    "prior-holes", "The share of the prior's draws that fall where there are hardly any data."
)
def _prior_holes(model: LatentModel, dataset: ImageDataset, latents: Latents) -> dict[str, float]:
    """By a mixture of `COMPONENTS` Gaussians, fitted to nine tenths of the codes."""
    fitted, held_out = parted(aggregate_draws(latents))
    generator = torch.Generator(next(model.parameters()).device).manual_seed(0)
    z = model.sample_prior(DRAWS, generator).cpu()
    holes = prior_holes(fit_mixture(fitted, COMPONENTS), z, held_out)
    return {"share": holes.share, "standard error": holes.standard_error}
