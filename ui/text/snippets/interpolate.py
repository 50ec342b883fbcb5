"""Interpolate: the images on the way through some z, as a strip and as a film."""

import torch

from vae_core import load_checkpoint
from vae_core.latent.animation import gif_bytes
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.latent.paths import interpolate_through, step_lengths

CHECKPOINT = "checkpoints/digits-2d"
STOPS = ((0.5, -1.0), (-1.2, 0.7))
STEPS = 16  # from each stop to the next, with both
METHOD = "linear"

model = load_checkpoint(CHECKPOINT)
path = interpolate_through(torch.tensor(STOPS), STEPS, METHOD)  # (m, d)
with torch.no_grad():
    images = model.decode(path)  # (m, c, h, w)

print(f"in z       {step_lengths(path).sum():.2f}")
print(f"in pixels  {step_lengths(images.flatten(1)).sum():.2f}")
with open("strip.png", "wb") as file:
    file.write(png_bytes(tile_images(images[None], gap=2)))
with open("film.gif", "wb") as file:
    file.write(gif_bytes(images))
