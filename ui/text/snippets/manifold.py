"""Manifold: the images of a grid over two latent dimensions, the others held."""

from vae_core import load_checkpoint, manifold_grid
from vae_core.latent.manifold import png_bytes, tile_images

CHECKPOINT = "checkpoints/digits-2d"
SIDE = 20
DIMS = (0, 1)
BASE = (0.0, 0.0)  # where the other dimensions are held
SPACING = "quantile"
EXTENT = 3.0  # of equal steps; the inverse CDF goes its own way

model = load_checkpoint(CHECKPOINT)
z, images = manifold_grid(model, SIDE, DIMS, BASE, spacing=SPACING, extent=EXTENT)
first, last = z[0, 0, DIMS[0]], z[0, -1, DIMS[0]]
print(f"{SIDE} x {SIDE} images, z_{DIMS[0] + 1} from {first:.2f} to {last:.2f}")
with open("manifold.png", "wb") as file:
    file.write(png_bytes(tile_images(images)))
