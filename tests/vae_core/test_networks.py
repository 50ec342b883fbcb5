"""Every registered network, with every likelihood and kind of model, fits every image."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from vae_core import networks
from vae_core.checkpoints import load_checkpoint, save_checkpoint
from vae_core.datasets import ImageDataset
from vae_core.errors import ConfigError
from vae_core.likelihoods import LIKELIHOODS
from vae_core.models import MODELS, ModelConfig, build_model
from vae_core.networks import ACTIVATIONS, build_network, network_names, register_network
from vae_core.training import TrainConfig, train

SHAPES = [(1, 7, 5), (3, 9, 12), (1, 1, 1), (3, 8, 8), (1, 2, 17)]
HIDDEN = (4, 3, 6)
LIKELIHOOD_SETTINGS = [(name, "sigmoid") for name in LIKELIHOODS] + [("gaussian", "identity")]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize("name", network_names())
def test_a_network_maps_images_to_codes_and_back(name: str, shape: tuple[int, int, int]) -> None:
    encoder, decoder = build_network(name, shape, 3, HIDDEN, "relu")
    assert encoder(torch.rand(5, *shape)).shape == (5, 6)
    assert decoder(torch.randn(5, 3)).shape == (5, *shape)


@pytest.mark.parametrize("name", network_names())
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_weight_of_a_network_learns(name: str, activation: str) -> None:
    torch.manual_seed(0)
    encoder, decoder = build_network(name, (1, 7, 5), 2, (8, 8, 8), activation)
    decoder(encoder(torch.rand(64, 1, 7, 5))[:, :2]).square().sum().backward()
    for parameter in (*encoder.parameters(), *decoder.parameters()):
        assert parameter.grad is not None and parameter.grad.any()


@pytest.mark.parametrize("shape", SHAPES[:3], ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize(
    ("network", "likelihood", "kind"),
    list(itertools.product(network_names(), LIKELIHOOD_SETTINGS, MODELS)),
    ids=str,
)
def test_every_model_decodes_trains_and_survives_a_checkpoint(
    tmp_path: Path,
    network: str,
    likelihood: tuple[str, str],
    kind: str,
    shape: tuple[int, int, int],
) -> None:
    images = torch.randint(0, 256, (4, *shape), dtype=torch.uint8)
    data = ImageDataset(name="digits", split="train", images=images)
    config = TrainConfig(
        network=network,
        hidden=HIDDEN,
        likelihood=likelihood[0],
        link=likelihood[1],
        objective="elbo" if kind == "vae" else "autoencoder",
        batch_size=2,
        epochs=1,
    )
    *_, last = train(config, train_data=data, test_data=data)
    assert last.step == 2

    model, x, z = last.model.eval(), data.floats(), 3 * torch.randn(6, 2)
    assert model.config.kind == kind
    mu, logvar = model.encode(x)
    decoded = model.decode(z)
    assert mu.shape == logvar.shape == (4, 2)
    assert decoded.shape == (6, *shape) and decoded.min() >= 0 and decoded.max() <= 1
    assert model.log_likelihood(x, mu).shape == (4,)
    assert torch.equal(mu, model.encode(x)[0]) and torch.equal(decoded, model.decode(z))

    save_checkpoint(tmp_path / "model", model, config=config)
    loaded = load_checkpoint(tmp_path / "model")
    assert loaded.config == model.config
    assert torch.equal(loaded.decode(z), decoded)
    assert all(map(torch.equal, loaded.encode(x), (mu, logvar)))


def test_an_mlp_without_hidden_layers_is_affine() -> None:
    encoder, decoder = build_network("mlp", (1, 3, 2), 2, (), "relu")
    for network, a, b in (
        (encoder, torch.randn(4, 1, 3, 2), torch.randn(4, 1, 3, 2)),
        (decoder, torch.randn(4, 2), torch.randn(4, 2)),
    ):
        torch.testing.assert_close(network((a + b) / 2), (network(a) + network(b)) / 2)


def test_the_mlp_of_the_pytorch_example_has_its_weights() -> None:
    """784-400-20 and back, as in pytorch/examples, vae/main.py: 652,824 weights."""
    encoder, decoder = build_network("mlp", (1, 28, 28), 20, (400,), "relu")
    count = sum(p.numel() for network in (encoder, decoder) for p in network.parameters())
    assert count == (784 * 400 + 400) + 2 * (400 * 20 + 20) + (20 * 400 + 400) + (400 * 784 + 784)


def test_a_conv_network_halves_each_side_and_doubles_it_again() -> None:
    encoder, decoder = build_network("conv", (3, 28, 17), 2, (4, 5, 6), "relu")
    x = torch.rand(1, 3, 28, 17)
    sizes = [tuple(x.shape[1:])]
    for layer in encoder:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(3, 28, 17), (4, 14, 9), (5, 7, 5)]
    z, back = torch.randn(1, 2), []
    for layer in decoder:
        z = layer(z)
        if isinstance(layer, nn.ConvTranspose2d):
            back.append(tuple(z.shape[1:]))
    assert back == [(4, 14, 9), (3, 28, 17)]


def test_a_registered_network_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))

    @register_network("affine")
    def affine(
        shape: tuple[int, int, int], latent_dim: int, hidden: Sequence[int], activation: str
    ) -> tuple[nn.Module, nn.Module]:
        return networks.mlp(shape, latent_dim, (), activation)

    assert "affine" in network_names()
    model = build_model(ModelConfig((1, 2, 2), network="affine"))
    assert model.decode(torch.zeros(1, 2)).shape == (1, 1, 2, 2)
    with pytest.raises(ConfigError, match="registered already"):
        register_network("affine")(affine)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("resnet", (1, 4, 4), 2, (4,), "relu"),
            "Unknown network 'resnet'; choose one of conv, mlp",
        ),
        (("mlp", (1, 4, 4), 2, (4,), "swish"), "Unknown activation 'swish'"),
        (("conv", (1, 4, 4), 2, (4,), "relu"), "hidden has 1 entries"),
        (("conv", (1, 4, 4), 2, (), "relu"), "hidden has 0 entries"),
    ],
)
def test_what_cannot_be_built_is_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_network(*arguments)
