"""What an image costs is told from shapes, and no batch holds more than it may."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vae_core.latent.geometry import image_lengths, jacobian_columns
from vae_core.models import latent_model
from vae_core.models.config import ModelConfig
from vae_core.models.cost import image_cost
from vae_core.models.kinds import build_model

CONFIGS = [
    ModelConfig((1, 8, 8), hidden=(20, 10)),
    ModelConfig((3, 7, 9), latent_dim=3, network="conv", hidden=(4, 8, 16)),
    ModelConfig((1, 12, 10), network="resnet", hidden=(4, 8, 16)),
    ModelConfig((1, 28, 28), network="lecture-conv", hidden=(16, 8)),
    ModelConfig((1, 8, 8), hidden=(12,), kind="m2", classes=5),
    ModelConfig((1, 8, 8), hidden=(12,), kind="gan"),
]
VAMP = ModelConfig((1, 8, 8), hidden=(20,), prior="vamp", pseudo_inputs=50)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.kind}-{config.network}")
def test_multiply_adds_are_those_that_torch_counts(config):
    model, cost = build_model(config).eval(), image_cost(build_model, config)

    def counted(compute, x):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            compute(x)
        return counter.get_total_flops() // 2

    assert cost.decode == counted(model.decode, torch.zeros(1, config.latent_dim))
    if model.has_encoder:
        assert cost.encode == counted(model.encode, torch.zeros(1, *config.image_shape))


def test_the_cost_of_a_network_beyond_any_memory_is_told():
    config = ModelConfig((3, 512, 512), network="resnet", hidden=(8192, 8192))
    assert image_cost(build_model, config).decode > 1e13


@pytest.mark.parametrize(
    "config", [*CONFIGS, VAMP], ids=lambda config: f"{config.kind}-{config.prior}-{config.network}"
)
def test_a_batch_in_parts_gives_what_one_pass_gives(config, monkeypatch):
    """However many images, no layer gives more than it may at once."""
    model = build_model(config).eval().requires_grad_(False)
    z, x = torch.randn(40, config.latent_dim), torch.rand(40, *config.image_shape)
    widths = []
    for layer in model.modules():
        if any(True for _ in layer.parameters(recurse=False)):
            layer.register_forward_hook(lambda _layer, _x, y: widths.append(y.numel()))

    def all_of_it():
        yield model.decode(z)
        yield model.decode_parameters(z)
        yield model.log_likelihood(x, z)
        yield model.log_likelihood(x[:1], z)
        yield jacobian_columns(model, z, torch.eye(config.latent_dim))
        yield image_lengths(model, z)
        if model.has_encoder:
            yield from model.encode(x)
        yield model.prior().log_prob(z.double())

    with torch.no_grad():
        whole = list(all_of_it())
        widest = image_cost(build_model, config).widest
        monkeypatch.setattr(latent_model, "AT_ONCE", {"cpu": 7 * widest})
        assert model.images_at_once == 7
        widths.clear()
        parts = list(all_of_it())
    assert max(widths) <= 7 * widest
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_an_image_wider_than_the_bound_goes_alone(monkeypatch):
    model = build_model(CONFIGS[0]).eval()
    monkeypatch.setattr(latent_model, "AT_ONCE", {"cpu": 1})
    assert model.images_at_once == 1
    with torch.no_grad():
        assert model.decode(torch.zeros(3, 2)).shape == (3, 1, 8, 8)
    assert math.prod(CONFIGS[0].image_shape) == image_cost(build_model, CONFIGS[0]).widest
