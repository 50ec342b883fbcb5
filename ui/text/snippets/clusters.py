"""Clusters: how far they agree with the classes, and the image of each one's mean code."""

import torch

from vae_core import load_checkpoint, load_latents
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.measures.codes.clusters import (
    agreement,
    cluster_means,
    gaussian_mixture,
    k_means,
    numbered,
)

CHECKPOINT = "checkpoints/digits-2d"
K = 10

model = load_checkpoint(CHECKPOINT)
latents = load_latents(CHECKPOINT)

# when k-means:
found = k_means(latents.mu, K)
# when Gaussian mixture:
found = gaussian_mixture(latents.mu, K)
# end
clusters = numbered(found, latents.labels)
if latents.labels is not None:
    agreed = agreement(clusters, latents.labels)
    print(f"adjusted Rand index          {agreed.adjusted_rand:.3f}")
    print(f"adjusted mutual information  {agreed.adjusted_information:.3f}")
    print(f"normalised                   {agreed.normalised_information:.3f}")
    print(f"purity                       {agreed.purity:.3f}")

means = cluster_means(latents.mu, clusters)
with torch.no_grad():
    images = model.decode(means)
with open("clusters.png", "wb") as file:
    file.write(png_bytes(tile_images(images[None], gap=2)))
