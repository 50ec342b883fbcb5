"""Layers: what each layer of the decoder makes of z."""

import torch

from vae_core import load_checkpoint
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.models.feature_maps import feature_maps

CHECKPOINT = "checkpoints/sprites-6d"
Z = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

model = load_checkpoint(CHECKPOINT)

for number, layer in enumerate(feature_maps(model, torch.tensor(Z)), start=1):
    print(f"{number}. {layer.name:28} {layer.shape}  {layer.settings}")
    maps = layer.maps
    if maps.ndim == 3:  # grey is zero; another file for each layer
        grey = 0.5 + 0.5 * maps / maps.abs().max()
        with open(f"layer_{number}.png", "wb") as file:
            file.write(png_bytes(tile_images(grey[None, :, None], gap=1)))
