"""A network's picture tells its real shapes and number of weights."""

import pytest

from vae_core.models.architecture import architecture
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


@pytest.mark.parametrize(
    ("network", "hidden", "shape"),
    [("mlp", (20, 10), (1, 8, 8)), ("conv", (4, 8, 16), (3, 7, 9)), ("mlp", (), (1, 5, 3))],
)
def test_weights_are_those_of_the_built_model(network, hidden, shape):
    config = ModelConfig(image_shape=shape, latent_dim=3, network=network, hidden=hidden)
    built = sum(weight.numel() for weight in build_model(config).parameters())
    assert architecture(config).weights == built


def test_an_mlp_narrows_to_the_latent_space_and_mirrors_back():
    found = architecture(ModelConfig(image_shape=(1, 8, 8), latent_dim=2, hidden=(20, 10)))
    assert found.encoder == ((20,), (10,))
    assert found.decoder == ((10,), (20,), (1, 8, 8))
    assert (found.image_shape, found.latent_dim) == ((1, 8, 8), 2)


def test_a_conv_network_halves_each_side_rounding_up():
    config = ModelConfig(image_shape=(1, 7, 9), network="conv", hidden=(4, 8, 16))
    assert architecture(config).encoder == ((4, 4, 5), (8, 2, 3), (16,))
    assert architecture(config).decoder[-2:] == ((4, 4, 5), (1, 7, 9))
