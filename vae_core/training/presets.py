"""Sets of training settings, by name."""

from __future__ import annotations

from reprlib import repr as shown

from vae_core.errors import ConfigError
from vae_core.training.config import TrainConfig

PRESETS: dict[str, TrainConfig] = {
    "digits-2d": TrainConfig(
        dataset="digits", hidden=(256, 128), epochs=120, batch_size=128, learning_rate=3e-3
    ),
    "mnist-2d": TrainConfig(dataset="mnist", hidden=(1024, 512, 256), epochs=40),
    # In a minute of one core: 150 nats on the test images after half of it, 144 at its end.
    "mnist-2d-quick": TrainConfig(dataset="mnist", hidden=(512, 256), epochs=8, batch_size=128),
    "mnist-16d": TrainConfig(
        dataset="mnist",
        latent_dim=16,
        network="conv",
        hidden=(32, 64, 64, 256),
        epochs=8,
    ),
    "fashion-2d": TrainConfig(dataset="fashion-mnist", epochs=30),
    "sprites-6d": TrainConfig(
        dataset="sprites", latent_dim=6, network="conv", hidden=(32, 32, 64, 256), epochs=40
    ),
    # Many small steps of a small network, five minutes of one core. Factors come apart while beta
    # is 4, shapes get sharp once it falls: 28 nats of cross-entropy in place of 48, for a MIG of
    # 0.49 in place of 0.56 without the fall. On an earlier drawing, without it: beta = 4 a MIG of
    # 0.37, beta = 2 0.11; conv 0.35; a capacity that rises to 12 nats 0.14; dense layers 0.15.
    "sprites-factors": TrainConfig(
        dataset="sprites",
        latent_dim=6,
        network="broadcast",
        hidden=(16, 32, 32, 128),
        objective="beta-tcvae",
        objective_settings={"beta": 4.0, "fall": 0.35},
        epochs=40,
        batch_size=64,
    ),
    "fashion-16d": TrainConfig(
        dataset="fashion-mnist",
        latent_dim=16,
        network="conv",
        hidden=(32, 64, 64, 256),
        epochs=8,
    ),
    "mnist-2d-ae": TrainConfig(
        dataset="mnist", hidden=(1024, 512, 256), objective="autoencoder", epochs=20
    ),
    "mnist-denoising": TrainConfig(
        dataset="mnist",
        latent_dim=32,
        hidden=(512, 256),
        objective="denoising",
        objective_settings={"corruption": "gaussian", "amount": 0.5},
        epochs=20,
    ),
    # At the usual 2e-3 one image's variance burst, and 35 epochs went to mending the loss.
    "mnist-2d-binarised": TrainConfig(
        dataset="mnist",
        hidden=(1024, 512, 256),
        binarisation="dynamic",
        epochs=60,
        learning_rate=1e-3,
    ),
    # Kingma & Welling (2014), section 5 and figure 4b; they took Adagrad.
    "kingma-welling-2d": TrainConfig(
        dataset="mnist",
        hidden=(500,),
        activation="tanh",
        batch_size=100,
        learning_rate=1e-3,
        schedule="constant",
    ),
    # After their figure 4a, of 200 tanh units, which mix smile and pose on both axes here: these
    # two layers give each an axis, for 20 nats on the film's last fifth. Here one sigma is learned.
    "frey-2d": TrainConfig(
        dataset="frey",
        hidden=(256, 128),
        likelihood="learned-gaussian",
        epochs=60,  # after more, frames of later in the film are less likely
        batch_size=64,
    ),
    "olivetti-16d": TrainConfig(
        dataset="olivetti",
        latent_dim=16,
        network="conv",
        hidden=(32, 64, 64, 256),
        likelihood="gaussian",
        epochs=150,
        batch_size=32,
        learning_rate=1e-3,
    ),
    "dsprites-10d": TrainConfig(
        dataset="dsprites",
        latent_dim=10,
        network="conv",
        hidden=(16, 32, 32, 64, 128),
        objective="beta-tcvae",
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
    ),
    # One stochastic layer of Burda et al. (2016), table 1, as far as an hour and two hours of one
    # core lead; theirs are 3,280 epochs. SiLU in the place of their tanh: with it and a KL that
    # rises, more units are used. K rises over four fifths: a step of few draws costs little.
    "mnist-50d": TrainConfig(
        dataset="mnist",
        latent_dim=50,
        hidden=(200, 200),
        activation="silu",
        binarisation="dynamic",
        epochs=500,
        batch_size=100,
        learning_rate=3e-3,
        warm_up=0.3,
    ),
    "mnist-50d-iwae": TrainConfig(
        dataset="mnist",
        latent_dim=50,
        hidden=(200, 200),
        activation="silu",
        objective="iwae-dreg",
        objective_settings={"rise": 0.8},
        samples=50,
        binarisation="dynamic",
        epochs=150,
        batch_size=100,
        learning_rate=3e-3,
        warm_up=0.2,
    ),
    # M2 of Kingma et al. (2014): one layer of 500, 50 dimensions beside the class, 100 labels.
    "mnist-m2": TrainConfig(
        dataset="mnist",
        latent_dim=50,
        hidden=(500,),
        objective="m2",
        objective_settings={"alpha": 100.0},
        epochs=40,
        batch_size=200,
        learning_rate=1e-3,
    ),
    # The small convolutional autoencoder of many lectures, with 2 numbers in the middle, not 32.
    "lecture-autoencoder": TrainConfig(
        dataset="mnist",
        network="lecture-conv",
        hidden=(16, 8),
        activation="relu",
        likelihood="gaussian",
        objective="autoencoder",
        epochs=5,
        batch_size=128,
        learning_rate=1e-3,
        schedule="constant",
    ),
    # Found at once; the epoch only tells how good it is.
    "mnist-pca-2d": TrainConfig(dataset="mnist", objective="pca", epochs=1, batch_size=1_000),
    "mnist-2d-gan": TrainConfig(
        dataset="mnist",
        hidden=(512, 256),
        activation="relu",
        objective="gan",
        epochs=20,
        batch_size=128,
        learning_rate=1e-3,
    ),
    # The example of the PyTorch repository (pytorch/examples, vae/main.py).
    "pytorch-example": TrainConfig(
        dataset="mnist",
        latent_dim=20,
        hidden=(400,),
        activation="relu",
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
        schedule="constant",
    ),
}


def preset(name: str) -> TrainConfig:
    """The named settings; ConfigError when there are none of that name."""
    if name not in PRESETS:
        raise ConfigError(f"Unknown preset {shown(name)}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
