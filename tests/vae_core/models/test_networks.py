"""Every registered network, with every likelihood and kind of model, fits every image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from vae_core.checkpoints.reading import load_checkpoint
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.models import networks
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.likelihoods import likelihood_names
from vae_core.models.networks import ACTIVATIONS, build_network, network_names, register_network
from vae_core.training.config import TrainConfig
from vae_core.training.loop import train

SHAPES = [(1, 7, 5), (3, 9, 12), (1, 1, 1), (3, 8, 8), (1, 2, 17)]
LARGE = [(c, h, w) for c in (1, 3) for h, w in ((28, 28), (28, 20), (64, 64), (33, 61), (32, 32))]
LIKELIHOOD_SETTINGS = [(name, "sigmoid") for name in likelihood_names()] + [
    ("gaussian", "identity")
]


def hidden(name: str, width: int = 3) -> tuple[int, ...]:
    return (4, width) if name == "lecture-conv" else (4, width, 6)


@pytest.mark.parametrize("shape", SHAPES + LARGE, ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize("name", network_names())
def test_a_network_maps_images_to_codes_and_back(name: str, shape: tuple[int, int, int]) -> None:
    c, h, w = shape
    for k in (1, 2):
        encoder, decoder = build_network(name, shape, 3, hidden(name), "relu", k)
        assert encoder(torch.rand(2, *shape)).shape == (2, 6)
        assert decoder(torch.randn(2, 3)).shape == (2, k * c, h, w), f"{k=}"


@pytest.mark.parametrize("name", network_names())
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_weight_of_a_network_learns(name: str, activation: str) -> None:
    torch.manual_seed(0)
    widths = (8, 8) if name == "lecture-conv" else (8, 8, 8)
    encoder, decoder = build_network(name, (1, 7, 5), 2, widths, activation)
    decoder(encoder(torch.rand(64, 1, 7, 5))[:, :2]).square().sum().backward()
    for parameter in (*encoder.parameters(), *decoder.parameters()):
        assert parameter.grad is not None and parameter.grad.any()


def test_a_broadcast_is_a_convolution_of_z_and_the_place_of_each_pixel() -> None:
    torch.manual_seed(0)
    layer, z = networks.Broadcast(3, 5, 4, 7), torch.randn(2, 3)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 4), torch.linspace(-1, 1, 7), indexing="ij")
    tiled = torch.cat(
        [z[:, :, None, None].expand(2, 3, 4, 7), torch.stack([x, y]).expand(2, 2, 4, 7)], 1
    )
    expected = nn.functional.conv2d(tiled, layer.weight[:, :, None, None], layer.bias)
    torch.testing.assert_close(layer(z), expected)


def models() -> Iterator[tuple[str, tuple[str, str], str, tuple[int, int, int]]]:
    """Each network with each likelihood as each kind; each kind and network on each shape."""
    for i, network in enumerate(network_names()):
        for j, likelihood in enumerate(LIKELIHOOD_SETTINGS):
            for k, kind in enumerate(("vae", "autoencoder")):
                yield network, likelihood, kind, SHAPES[(i + j + k) % 3]


@pytest.mark.parametrize(("network", "likelihood", "kind", "shape"), [*models()], ids=str)
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
        hidden=hidden(network),
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


def test_kingma_and_wellings_mlp_has_its_weights() -> None:
    """One hidden layer of 500, tanh (Kingma & Welling 2014, section 5 and appendix C)."""
    encoder, decoder = build_network("mlp", (1, 28, 20), 2, (500,), "tanh")
    assert [type(layer) for layer in encoder] == [nn.Flatten, nn.Linear, nn.Tanh, nn.Linear]
    count = sum(p.numel() for network in (encoder, decoder) for p in network.parameters())
    assert count == (560 * 500 + 500) + (500 * 4 + 4) + (2 * 500 + 500) + (500 * 560 + 560)


def sizes(network: nn.Module, x: torch.Tensor, kinds: tuple[type[nn.Module], ...]) -> list[Any]:
    """(c, h, w) after each layer of these kinds."""
    found = []
    for layer in network:
        x = layer(x)
        if isinstance(layer, kinds):
            found.append(tuple(x.shape[1:]))
    return found


def test_the_lectures_autoencoder_has_its_layers() -> None:
    encoder, decoder = build_network("lecture-conv", (1, 28, 28), 2, (16, 8), "relu")
    down = sizes(encoder, torch.rand(1, 1, 28, 28), (nn.Conv2d, nn.MaxPool2d))
    assert down == [(16, 10, 10), (16, 5, 5), (8, 3, 3), (8, 2, 2)]
    up = sizes(decoder, torch.randn(1, 2), (nn.ConvTranspose2d,))
    assert up == [(16, 5, 5), (8, 15, 15), (1, 28, 28)]
    convolutions = [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0],
         layer.padding[0])
        for layer in (*encoder, *decoder) if hasattr(layer, "kernel_size") and
        not isinstance(layer, nn.MaxPool2d)
    ]  # fmt: skip
    assert convolutions == [
        (1, 16, 3, 3, 1), (16, 8, 3, 2, 1), (8, 16, 3, 2, 0), (16, 8, 5, 3, 1), (8, 1, 2, 2, 1)
    ]  # fmt: skip
    pools = [(p.kernel_size, p.stride) for p in encoder if isinstance(p, nn.MaxPool2d)]
    assert pools == [((2, 2), 2), ((2, 2), 1)]


def test_the_lectures_tanh_is_the_sigmoid_link() -> None:
    a = torch.linspace(-5, 5, 11)
    torch.testing.assert_close((1 + torch.tanh(a)) / 2, torch.sigmoid(2 * a))


def test_a_residual_block_begins_as_what_it_is_given_plus_a_little() -> None:
    block = networks.ResidualBlock(4, "relu")
    x = torch.randn(2, 4, 5, 3)
    assert block(x).shape == x.shape
    with torch.no_grad():
        block.residual[3].weight.zero_()
        block.residual[3].bias.zero_()
    assert torch.equal(block(x), x)


def test_a_conv_network_halves_each_side_and_doubles_it_again() -> None:
    encoder, decoder = build_network("conv", (3, 28, 17), 2, (4, 5, 6), "relu")
    down = sizes(encoder, torch.rand(1, 3, 28, 17), (nn.Conv2d,))
    assert down == [(4, 14, 9), (5, 7, 5)]
    assert sizes(decoder, torch.randn(1, 2), (nn.ConvTranspose2d,)) == [(4, 14, 9), (3, 28, 17)]


def test_a_registered_network_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "_NETWORKS", dict(networks._NETWORKS))

    @register_network("affine")
    def affine(
        shape: tuple[int, int, int],
        latent_dim: int,
        hidden: Sequence[int],
        activation: str,
        k: int,
    ) -> tuple[nn.Module, nn.Module]:
        return networks.mlp(shape, latent_dim, (), activation, k)

    assert "affine" in network_names()
    model = build_model(ModelConfig((1, 2, 2), network="affine"))
    assert model.decode(torch.zeros(1, 2)).shape == (1, 1, 2, 2)
    with pytest.raises(ConfigError, match="registered already"):
        register_network("affine")(affine)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("unet", (1, 4, 4), 2, (4,), "relu"),
            "Unknown network 'unet'; choose one of broadcast, conv, lecture-conv, mlp, resnet",
        ),
        (("mlp", (1, 4, 4), 2, (4,), "swish"), "Unknown activation 'swish'"),
        (("conv", (1, 4, 4), 2, (4,), "relu"), "hidden has 1 entries"),
        (("conv", (1, 4, 4), 2, (), "relu"), "hidden has 0 entries"),
        (("broadcast", (1, 4, 4), 2, (4,), "relu"), "A broadcast network .* has 1 entries"),
        (("resnet", (1, 4, 4), 2, (4,), "relu"), "A resnet network .* hidden has 1 entries"),
        (("lecture-conv", (1, 4, 4), 2, (4, 4, 4), "relu"), "hidden has 3 entries"),
    ],
)
def test_what_cannot_be_built_is_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_network(*arguments)
