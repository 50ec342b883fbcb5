"""Marginal p(x): log p(x) of one image by draws from the prior, and by draws from q."""

import torch

from vae_core import checkpoint_images, load_checkpoint
from vae_core.measures.likelihood.importance import image_log_weights
from vae_core.measures.likelihood.monte_carlo import prior_log_weights, running_log_mean

CHECKPOINT = "checkpoints/digits-2d"
IMAGE = 3
DRAWS = 4_096

model = load_checkpoint(CHECKPOINT)
# when a data set:
test = checkpoint_images(CHECKPOINT)
# when own images:
test = checkpoint_images(CHECKPOINT, own="my-images.zip")
# end
x = test.floats(slice(IMAGE, IMAGE + 1))
generator = torch.Generator().manual_seed(0)
for name, weights in {"prior": prior_log_weights, "q": image_log_weights}.items():
    log_weights = weights(model, x, samples=DRAWS, generator=generator)
    running = running_log_mean(log_weights)
    for k in (1, 10, 100, 1_000, DRAWS):
        print(f"{name:6} {k:6}   log p(x) about {running[min(k, DRAWS) - 1]:9.2f} nats")
