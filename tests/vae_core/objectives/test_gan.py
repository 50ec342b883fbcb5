"""A GAN's losses are cross-entropies, its penalty a gradient; it refuses to encode."""

import math

import pytest
import torch
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.models.config import ModelConfig
from vae_core.models.gan import GAN
from vae_core.models.kinds import build_model
from vae_core.objectives.gan import discriminator_loss, generator_loss, gradient_penalty, told_apart
from vae_core.training.config import TrainConfig

X, Z = torch.rand(6, 1, 5, 4), torch.randn(6, 3)


@pytest.fixture
def model() -> GAN:
    torch.manual_seed(0)
    gan = build_model(ModelConfig((1, 5, 4), latent_dim=3, kind="gan", hidden=(7,)))
    assert isinstance(gan, GAN)
    return gan.double()


def test_a_gan_refuses_to_encode(model: GAN) -> None:
    assert not model.has_encoder and not model.is_variational
    with pytest.raises(ConfigError, match="has no encoder"):
        model.encode(X)


def test_the_losses_are_cross_entropies_of_the_discriminator(model: GAN) -> None:
    x, z = X.double(), Z.double()
    generated = model.decode(z)
    one, zero = torch.ones(6).double(), torch.zeros(6).double()

    def cross_entropy(images: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        odds = torch.sigmoid(model.log_odds(images))
        return functional.binary_cross_entropy(odds, told, reduction="none")

    torch.testing.assert_close(generator_loss(model, z), cross_entropy(generated, one))
    torch.testing.assert_close(
        discriminator_loss(model, x, z), cross_entropy(x, one) + cross_entropy(generated, zero)
    )


def test_a_discriminator_that_knows_nothing_loses_two_log_two(model: GAN) -> None:
    for weight in model.discriminator.parameters():
        weight.data.zero_()
    losses = discriminator_loss(model, X.double(), Z.double())
    torch.testing.assert_close(losses, torch.full_like(losses, 2 * math.log(2)))


def test_the_discriminators_loss_leaves_the_generator_alone(model: GAN) -> None:
    (discriminator_loss(model, X.double(), Z.double()).sum()).backward()
    assert all(weight.grad is None for weight in model.decoder.parameters())
    assert all(weight.grad is not None for weight in model.discriminator.parameters())


def test_the_penalty_is_half_the_squared_slope_of_the_log_odds(model: GAN) -> None:
    x, step = X.double(), 1e-6
    slopes = []
    for pixel in torch.eye(20).double().reshape(20, 1, 5, 4):
        slopes.append(
            (model.log_odds(x + step * pixel) - model.log_odds(x - step * pixel)) / step / 2
        )
    expected = 0.5 * torch.stack(slopes).square().sum(0)
    torch.testing.assert_close(gradient_penalty(model, x), expected, rtol=1e-5, atol=1e-10)


def test_what_is_told_apart_is_real_above_and_generated_below_even_odds(model: GAN) -> None:
    model.discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(20, 2).double())
    with torch.no_grad():  # the brighter an image, the more it counts as real
        model.discriminator[1].weight.copy_(torch.tensor([[1.0], [0.0]]).expand(2, 20))
        model.discriminator[1].bias.copy_(torch.tensor([-10.0, 0.0]))
        for weight in model.decoder.parameters():
            weight.zero_()  # every image is grey, of 20 times 1/2
        model.decoder[-2].bias.fill_(-1.0)
    bright, dark = torch.ones(2, 1, 5, 4).double(), torch.zeros(2, 1, 5, 4).double()
    rightly = told_apart(model, torch.cat([bright, dark]), Z[:4].double())
    assert rightly.tolist() == [True, True, False, False, True, True, True, True]


def test_images_that_are_cut_off_are_not_learned() -> None:
    with pytest.raises(ConfigError, match="choose link='sigmoid'"):
        TrainConfig(objective="gan", likelihood="gaussian", link="identity")
