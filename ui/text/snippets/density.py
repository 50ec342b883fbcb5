"""Density: which density fits the codes, what the prior has without data, and draws of each."""

import torch

from vae_core import load_checkpoint, load_latents
from vae_core.latent.decoded import decoded
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.latent.samplers import Sampler, aggregate_draws, fit_mixture, parted
from vae_core.measures.codes.aggregate_density import (
    fit_kernel_density,
    held_out_density,
    log_ratio,
    mixture_of,
    prior_holes,
)

CHECKPOINT = "checkpoints/digits-2d"
COMPONENTS = 10  # of the mixture
BEST = "mixture"
DRAWS = 2_000
SEED = 0
COVERAGE = 0.95

model = load_checkpoint(CHECKPOINT)
latents = load_latents(CHECKPOINT)

z, held_out = parted(aggregate_draws(latents))
prior = mixture_of(model.prior())
densities: dict[str, Sampler] = {
    "prior": prior,
    "kernel density": fit_kernel_density(z),
    "mixture": fit_mixture(z, COMPONENTS),
}
for name, density in densities.items():
    mean, error = held_out_density(density, held_out)
    print(f"{name:16} {mean:8.2f} +- {error:.2f} nats")

q = densities[BEST]
holes = prior_holes(q, prior.sample(DRAWS, seed=SEED), held_out, coverage=COVERAGE)
print(f"without data     {holes.share:8.1%} of the prior")
kl, error = log_ratio(q, prior, held_out)
print(f"KL(q(z) || p(z)) {kl:8.2f} +- {error:.2f} nats at least")

images = [decoded(model, density.sample(12, seed=SEED)) for density in densities.values()]
with open("draws.png", "wb") as file:
    file.write(png_bytes(tile_images(torch.stack(images), gap=2)))
