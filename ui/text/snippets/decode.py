"""Decode z: the mean image of one z, and how far out in the prior it lies."""

import torch

from vae_core import load_checkpoint
from vae_core.latent.latents import prior_percentile
from vae_core.latent.manifold import png_bytes, tile_images

CHECKPOINT = "checkpoints/digits-2d"
Z = (0.5, -1.0)

model = load_checkpoint(CHECKPOINT)
z = torch.tensor([Z])  # (1, d)
with torch.no_grad():
    x = model.decode(z)  # the mean of p(x|z): (1, c, h, w) in [0, 1]

print(f"norm         {z.norm():.2f}")
print(f"farther out  {prior_percentile(Z):.1%} of the prior are nearer to 0")
with open("decoded.png", "wb") as file:
    file.write(png_bytes(tile_images(x[None])))
