"""Compare: the figures of models, and images of all of them, one above the other."""

import torch

from vae_core import load_checkpoint, load_latents
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import read_config
from vae_core.latent.decoded import decoded
from vae_core.latent.latents import common_rows
from vae_core.latent.manifold import png_bytes, tile_images

CHECKPOINTS = ("checkpoints/mnist-2d", "checkpoints/mnist-2d-ae")
IMAGES = 10

figures = {
    "E[log p(x|z)]": "reconstruction",
    "KL": "kl",
    "ELBO": "elbo",
    "active units": "active_units",
    "classes told wrongly": "class_error",
    "real and generated told apart": "discriminator_accuracy",
}

models = [load_checkpoint(folder) for folder in CHECKPOINTS]
configs = [read_config(folder) for folder in CHECKPOINTS]
for folder, model, config in zip(CHECKPOINTS, models, configs, strict=True):
    metrics = read_metrics(folder) or {}  # of the test images, in nats
    print(f"{folder}: {model.config.kind} of {config.get('dataset')}")
    print(f"{'objective':32} {config.get('objective', 'elbo'):>8}")
    print(f"{'latent dimensions':32} {model.latent_dim:8}")
    if model.has_encoder:
        print(f"{'likelihood':32} {config['likelihood']:>8}")
    for name, field in figures.items():
        if metrics.get(field) is not None:
            print(f"{name:32} {metrics[field]:8.6g}")
    if codes := metrics.get("codes"):
        print(f"{'class told by nearest neighbours':32} {codes['knn']:8.3f}")

data = [(config.get("dataset"), tuple(config["image_shape"])) for config in configs]
latents = [load_latents(folder) for folder in CHECKPOINTS]
if len(set(data)) == 1 and all(latents):  # the same images, A above B
    images = [
        decoded(model, encoded.mu[rows[:IMAGES]])
        for model, encoded, rows in zip(models, latents, common_rows(*latents), strict=True)
    ]
    with open("compared.png", "wb") as file:
        file.write(png_bytes(tile_images(torch.stack(images), gap=2)))
