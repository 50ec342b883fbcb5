"""Factors: an image led along each latent dimension."""

import torch

from vae_core import load_checkpoint, load_latents
from vae_core.latent.dimensions import traversal
from vae_core.latent.manifold import png_bytes, tile_images

CHECKPOINT = "checkpoints/sprites-6d"
ROW = 0
DIMS = [5, 0]  # by falling use
STEPS = 9
SPAN = "sigmas"
SIGMAS = 3.0

model = load_checkpoint(CHECKPOINT)
latents = load_latents(CHECKPOINT)

measure, unit = ("KL", " nats") if model.is_variational else ("variance of μ", "")
rows = []
for dim in DIMS:
    z = traversal(latents, ROW, dim, steps=STEPS, span=SPAN, sigmas=SIGMAS)
    with torch.no_grad():
        rows.append(model.decode(z))
    active = "active" if latents.active[dim] else "unused"
    print(f"z_{dim + 1:<3} {measure} {latents.use[dim]:6.2f}{unit}   {active}")

with open("traversals.png", "wb") as file:
    file.write(png_bytes(tile_images(torch.stack(rows), gap=2)))
