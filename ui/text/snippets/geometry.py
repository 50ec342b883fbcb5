"""Geometry: three ways from a to b by their length in images, and the metric at a."""

import torch

from vae_core import interpolate, load_checkpoint
from vae_core.latent.geometry import geodesic, image_lengths, metric, principal_directions

CHECKPOINT = "checkpoints/digits-2d"
A = (0.5, -1.0)
B = (-1.2, 0.7)
STEPS = 24

model = load_checkpoint(CHECKPOINT)
a, b = torch.tensor(A), torch.tensor(B)

ways = {
    "straight": interpolate(a, b, STEPS),
    "spherical": interpolate(a, b, STEPS, "spherical"),
    "geodesic": geodesic(model, a, b, STEPS),
}
for name, path in ways.items():
    print(f"{name:10} {image_lengths(model, path).sum():8.2f} in image space")

G = metric(model, a[None])[0]  # J'J at a
stretches, directions = principal_directions(G)
print(f"magnification at a: {stretches.prod():.2f}")
for stretch, direction in zip(stretches, directions, strict=True):
    print(f"stretch {stretch:.2f} along {direction.tolist()}")
