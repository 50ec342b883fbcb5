"""A model as steps; that they compute what it computes, ui/components/test_engine.py tells."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vae_core.errors import ConfigError
from vae_core.export.steps import program_of
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.vae import VAE


def small() -> LatentModel:
    return build_model(ModelConfig((1, 3, 2), hidden=(4,))).eval()


def test_a_model_is_its_layers_and_the_mean_of_its_likelihood() -> None:
    model = small()
    program = program_of(model)
    assert [step["op"] for step in program.decoder] == ["linear", "act", "linear", "same", "act"]
    assert [step["size"] for step in program.decoder] == [4, 4, 6, 6, 6]
    assert program.encoder is not None
    assert program.encoder[-1]["size"] == 2 * model.latent_dim
    weights = [w for name, w in model.named_parameters() if name.startswith("decoder")]
    assert all(torch.equal(a, b) for a, b in zip(program.tensors, weights, strict=False))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Softmax(1),
        nn.GELU(approximate="tanh"),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(2, 2, 1, groups=2),
        nn.Conv2d(2, 2, 3, dilation=2),
        nn.Conv2d(2, 2, 3, padding="same"),
        nn.ConvTranspose2d(2, 2, 3, dilation=2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 1)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_without_steps_is_named(layer: nn.Module) -> None:
    model = small()
    model.decoder = nn.Sequential(nn.Linear(2, 8), nn.Unflatten(1, (2, 2, 2)), layer.eval())
    with pytest.raises(ConfigError, match=type(layer).__name__):
        program_of(model)


def test_a_network_that_is_more_than_its_layers_in_turn_has_no_steps() -> None:
    class Skips(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + super().forward(x)

    model = small()
    model.encoder = Skips(nn.Flatten(), nn.Linear(6, 4))
    with pytest.raises(ConfigError, match="Skips"):
        program_of(model)


def test_a_model_with_a_decoding_of_its_own_has_no_steps() -> None:
    class Upside(VAE):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return super().decode(z).flip(2)

    with pytest.raises(ConfigError, match="Upside"):
        program_of(Upside(ModelConfig((1, 3, 2), hidden=(4,))))


def test_a_likelihood_that_is_not_known_is_named() -> None:
    class Half:
        is_density_of_grey = False
        parameters_per_channel = 1

    model = small()
    model.likelihood = Half()  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="Half"):
        program_of(model)
