"""Settings that suit a set of images, by how many, how large and how grey they are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.training.config import TrainConfig
from vae_core.training.loop import check_data
from vae_core.training.suited import STEPS, suited, suited_to


def grey(n: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8))


def steps(config: TrainConfig, n: int) -> int:
    return config.epochs * -(-n // config.batch_size)


@given(n=st.integers(2, 100_000), side=st.integers(8, 512), channels=st.sampled_from([1, 3]))
def test_settings_fit_any_set_and_are_enough_steps(n: int, side: int, channels: int) -> None:
    config = suited(torch.zeros(2, channels, side, side, dtype=torch.uint8), n).config
    assert config.batch_size <= n and config.latent_dim <= max(2, n // 10)
    assert steps(config, n) >= min(STEPS, 500)
    few = ImageDataset("own", "train", torch.zeros(n % 500 + 2, 1, 8, 8, dtype=torch.uint8))
    if len(few) >= config.batch_size:
        check_data(config, few, few)


def test_faces_and_drawings_have_each_their_likelihood_and_network() -> None:
    faces = suited(grey(20, 1, 40, 48), 162)
    assert faces.config.likelihood == "learned-gaussian" and faces.config.network == "mlp"
    assert steps(faces.config, 162) >= STEPS and f"{faces.config.epochs} epochs" in faces.why
    assert "162 images are few" in faces.expect
    drawings = suited((grey(20, 1, 28, 28) > 127).byte() * 255, 5_000)
    assert drawings.config.likelihood == "bernoulli" and drawings.expect == ""
    photographs = suited(grey(20, 3, 128, 128), 30)
    assert photographs.config.network == "conv" and "learned by heart" in photographs.expect


def test_what_is_given_is_kept_and_not_explained() -> None:
    data = ImageDataset("own", "train", grey(40, 1, 8, 8))
    found = suited_to(data, {"epochs": 3, "network": "conv", "latent_dim": 2, "batch_size": 8})
    assert (found.config.epochs, found.config.latent_dim, found.config.batch_size) == (3, 2, 8)
    assert found.config.network == "conv" and len(found.config.hidden) == 4
    assert "epochs" not in found.why and "latent" not in found.why and "gaussian" in found.why
    assert suited_to(data, {"objective": "pca"}).config.objective == "pca"
    with pytest.raises(ConfigError, match="Unknown network"):
        suited_to(data, {"network": "none"})
