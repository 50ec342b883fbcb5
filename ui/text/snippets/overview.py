"""Overview: images that the model makes up, each from a z of the prior."""

from vae_core import load_checkpoint
from vae_core.latent.decoded import prior_samples
from vae_core.latent.manifold import png_bytes, tile_images

CHECKPOINT = "checkpoints/digits-2d"
SEED = 0
ROWS = 2
COLUMNS = 12

model = load_checkpoint(CHECKPOINT)
z, images = prior_samples(model, ROWS * COLUMNS, SEED)
print(f"{len(z)} z in {model.latent_dim} dimensions, norms up to {z.norm(dim=1).max():.2f}")
with open("samples.png", "wb") as file:
    file.write(png_bytes(tile_images(images.reshape(ROWS, COLUMNS, *model.image_shape), gap=2)))
