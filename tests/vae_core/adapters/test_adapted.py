"""A model from outside answers as it does by itself, however its arrays lie."""

import copy
import math
import os
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vae_core.adapters.adapted import adapted
from vae_core.adapters.checks import check_model
from vae_core.errors import ConfigError, ZscapeError
from vae_core.latent.latents import reach
from vae_core.models.config import ADAPTED, ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.vae import VAE

RANDOM = np.random.default_rng(0)
GREY = RANDOM.random((9, 8, 6)).astype(np.float32)  # (n, h, w)
COLOUR = RANDOM.random((9, 8, 6, 3)).astype(np.float32)  # (n, h, w, c)


class Stranger(nn.Module):
    """A VAE with GroupNorm, BatchNorm and dropout, and codes of three axes."""

    def __init__(self, channels: int = 1, code: tuple[int, ...] = (2, 4, 3)) -> None:
        super().__init__()
        self.code, d = code, 2 * math.prod(code)
        self.down = nn.Sequential(nn.Conv2d(channels, 4, 3, 2, 1), nn.GroupNorm(2, 4), nn.SiLU())
        self.codes = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(48, d), nn.BatchNorm1d(d))
        self.up = nn.Sequential(nn.Flatten(), nn.Linear(d // 2, channels * 48), nn.Sigmoid())
        self.channels = channels

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mu, logvar = self.codes(self.down(x)).chunk(2, dim=1)
        return mu.unflatten(1, self.code), logvar.unflatten(1, self.code)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        assert tuple(z.shape[1:]) == self.code
        return self.up(z).view(-1, self.channels, 8, 6)


def stranger(**settings: Any) -> Stranger:
    torch.manual_seed(0)
    return Stranger(**settings)


@pytest.mark.parametrize("images", [GREY, GREY[:, None], torch.from_numpy(GREY)])
def test_a_module_gives_what_it_gives_in_eval_mode(images: Any) -> None:
    network = stranger()
    model = adapted(network, images=images)
    assert (model.image_shape, model.latent_dim) == ((1, 8, 6), 24)
    assert model.is_variational and model.has_gradients and not model.has_likelihood
    x, z = torch.rand(5, 1, 8, 6), torch.randn(5, 24)
    by_itself = copy.deepcopy(network).eval()
    for ours, theirs in zip(model.encode(x), by_itself.encode(x), strict=True):
        torch.testing.assert_close(ours, theirs.flatten(1))
    torch.testing.assert_close(model.decode(z), by_itself.decode(z.view(5, 2, 4, 3)))


def test_the_callers_module_is_left_as_it_is() -> None:
    network = stranger()
    network.up.eval()
    kept = copy.deepcopy(network.state_dict())
    model = adapted(network, images=GREY)
    model.encode(torch.rand(5, 1, 8, 6))
    model.double().requires_grad_(True)
    assert [network.training, network.down.training, network.up.training] == [True, True, False]
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
    assert all(weight.requires_grad for weight in network.parameters())
    nn.init.zeros_(network.codes[2].weight)
    assert model.encode(torch.rand(5, 1, 8, 6).double())[0].std() > 0.1  # the copy stays


def test_a_copy_answers_by_its_own_weights() -> None:
    model = adapted(stranger(), images=GREY)
    other, z = copy.deepcopy(model), torch.randn(2, 24)
    before = model.decode(z)
    for weight in other.parameters():
        nn.init.zeros_(weight)
    assert not torch.equal(other.decode(z), before)
    assert torch.equal(model.decode(z), before)


def test_methods_and_layers_are_of_one_copy_in_eval_mode() -> None:
    network = stranger()
    whole = adapted(network, images=GREY)
    x = torch.rand(5, 1, 8, 6)
    model = adapted(encode=network.encode, decode=network.decode, images=GREY)
    assert torch.equal(model.encode(x)[0], whole.encode(x)[0]) and network.training
    layers = adapted(decode=network.up, latent_dim=24, image_shape=(8, 6))
    z = torch.randn(5, 24)
    assert torch.equal(layers.decode(z), whole.decode(z)) and not layers.has_encoder


# How images lie for a function, the images that tell it, and their shape.
@pytest.mark.parametrize(
    ("images", "shape", "given"),
    [
        (GREY, None, (8, 6)),
        (GREY[:, None], None, (1, 8, 6)),
        (GREY.reshape(9, 48), (8, 6), (48,)),
        (GREY[..., None], None, (8, 6, 1)),
        (COLOUR, None, (8, 6, 3)),
        (COLOUR.transpose(0, 3, 1, 2), None, (3, 8, 6)),
        (COLOUR.reshape(9, 144), (8, 6, 3), (144,)),
        (COLOUR.transpose(0, 3, 1, 2).reshape(9, 144), (3, 8, 6), (144,)),
    ],
)
@pytest.mark.parametrize("of", [np.asarray, torch.as_tensor])
def test_functions_get_and_give_images_as_their_own_lie(
    images: np.ndarray, shape: tuple[int, ...] | None, given: tuple[int, ...], of: Any
) -> None:
    kept: list[Any] = []

    def encode(x: Any) -> Any:
        if x.shape[1:] != given or not isinstance(x, type(of(GREY))):
            raise TypeError("I take them otherwise.")
        kept.append(x)
        return x.reshape(len(x), -1)

    def decode(z: Any) -> Any:
        return z.reshape(len(z), *given)

    model = adapted(encode=encode, decode=decode, images=of(images), image_shape=shape)
    pixels = np.asarray(kept[-1])
    np.testing.assert_array_equal(pixels, images[:8].reshape(pixels.shape))
    x = torch.rand(5, *model.image_shape)
    torch.testing.assert_close(model.decode(model.encode(x)[0]), x)


def test_only_what_torch_can_differentiate_has_gradients() -> None:
    w = torch.rand(2, 48)
    settings: dict[str, Any] = {"latent_dim": 2, "image_shape": (8, 6)}
    by_torch = adapted(decode=lambda z: torch.sigmoid(z @ w), **settings)
    by_numpy = adapted(decode=lambda z: 1 / (1 + np.exp(-z @ w.numpy())), **settings)
    detached = adapted(decode=lambda z: torch.sigmoid(z.detach() @ w), **settings)
    z = torch.randn(4, 2)
    torch.testing.assert_close(by_torch.decode(z), by_numpy.decode(z))
    told = [each.has_gradients for each in (by_torch, by_numpy, detached)]
    assert told == [True, False, False]


def test_images_are_taken_and_given_in_the_values_of_the_model() -> None:
    kept: list[Any] = []

    def encode(x: torch.Tensor) -> torch.Tensor:
        kept.append(x)
        return x.flatten(1)[:, :2]

    model = adapted(
        encode=encode,
        decode=lambda z: torch.tanh(z[:, :1] + torch.zeros(48)).view(-1, 8, 6),
        images=2 * GREY - 1,
        value_range=(-1, 1),
    )
    np.testing.assert_allclose(kept[-1], 2 * GREY[:8] - 1, atol=1e-6)
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    expected = (1 + torch.tanh(z[:, 0])) / 2
    torch.testing.assert_close(model.decode(z)[:, 0, 0, 0], expected)


def test_bytes_are_taken_for_256_levels() -> None:
    kept: list[Any] = []
    adapted(encode=lambda x: (kept.append(x), x.flatten(1))[1], images=np.uint8(GREY * 255))
    np.testing.assert_allclose(kept[-1], np.uint8(GREY[:8] * 255) / 255, atol=1e-6)


def test_a_model_of_this_library_is_copied() -> None:
    own = build_model(ModelConfig((1, 8, 6), 3, hidden=(8,)))
    model = adapted(own)
    assert isinstance(model, VAE) and model is not own
    assert own.training and not model.training


def test_distributions_give_their_mean_and_their_variance() -> None:
    normal, bernoulli = torch.distributions.Normal, torch.distributions.Bernoulli
    model = adapted(
        encode=lambda x: normal(x.flatten(1)[:, :2], 0.1),
        decode=lambda z: bernoulli(logits=z[:, :1].expand(-1, 48)),
        images=GREY,
    )
    mu, logvar = model.encode(torch.rand(5, 1, 8, 6))
    torch.testing.assert_close(logvar, torch.full((5, 2), 2 * math.log(0.1)))
    torch.testing.assert_close(model.decode(mu)[:, 0, 3, 3], torch.sigmoid(mu[:, 0]))


def test_halves_are_computed_in_full_on_a_processor() -> None:
    network = stranger().half()
    model = adapted(network, images=GREY)
    assert model.decode(torch.randn(2, 24)).dtype == torch.float32
    assert next(network.parameters()).dtype == torch.float16


def test_no_rows_give_no_rows() -> None:
    model = adapted(stranger(), images=GREY)
    assert model.encode(torch.rand(0, 1, 8, 6))[1].shape == (0, 24)
    assert model.decode(torch.rand(0, 24)).shape == (0, 1, 8, 6)


def test_codes_of_16384_numbers_and_images_of_512_a_side_are_taken() -> None:
    d, h = 16_384, 512
    model = adapted(
        encode=lambda x: x.reshape(len(x), -1)[:, :d],
        decode=lambda z: torch.sigmoid(z.repeat(1, h * h // d)).view(-1, h, h),
        image_shape=(h, h),
    )
    mu, logvar = model.encode(torch.rand(2, 1, h, h))
    assert mu.shape == logvar.shape == (2, d) and reach(mu) <= 1
    with pytest.raises(ConfigError, match="1 to 16,384"):
        adapted(decode=lambda z: torch.zeros(len(z), 4, 4), latent_dim=d + 1)


def test_an_encoder_alone_or_a_decoder_alone_says_what_is_missing() -> None:
    one = adapted(encode=lambda x: x.reshape(len(x), -1)[:, :2], images=GREY)
    other = adapted(decode=lambda z: torch.zeros(len(z), 8, 6), latent_dim=2)
    assert (one.has_encoder, one.has_decoder, other.has_encoder, other.has_decoder) == (
        *(True, False),
        *(False, True),
    )
    with pytest.raises(ConfigError, match=r"The model has no decoder, .* give decode="):
        one.decode(torch.zeros(1, 2))
    with pytest.raises(ConfigError, match=r"The model has no encoder, .* give encode="):
        other.encode(torch.zeros(1, 1, 8, 6))
    with pytest.raises(ConfigError, match="has no likelihood"):
        other.log_likelihood(torch.zeros(1, 1, 8, 6), torch.zeros(1, 2))


def test_an_adapted_model_is_not_built_from_its_config() -> None:
    with pytest.raises(ConfigError, match="not built from a config"):
        build_model(ModelConfig((1, 8, 8), 3, kind=ADAPTED))


class Undoable(Stranger):
    def __deepcopy__(self, memo: object) -> "Undoable":
        raise RuntimeError("Only Tensors created explicitly by the user support deepcopy")


ROWS = GREY.reshape(9, 48)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Give a model, or encode= and decode="),
    "both": ({"model": stranger(), "decode": len}, "not both"),
    "no function": ({"decode": 3}, "decode is of type int; give a function"),
    "nowhere": ({"model": "nowhere"}, "There is no nowhere in"),
    "no model": ({"model": os.path.dirname(__file__)}, "neither a folder of Pythae's nor"),
    "neither": ({"model": nn.Linear(2, 2)}, "neither encode nor decode"),
    "shape": ({"model": stranger()}, "give images= .* or image_shape= and latent_dim="),
    "pixels": ({"decode": lambda z: torch.zeros(len(z), 9), "latent_dim": 2}, "give image_shape="),
    "code": ({"decode": lambda z: z, "image_shape": (8, 6)}, "give latent_dim="),
    "colour": ({"model": stranger(channels=3), "images": GREY}, "expected .* 3 channels"),
    "wrong code": ({"model": stranger(), "images": GREY, "latent_dim": 5}, "codes of 24 numbers"),
    "range": ({"model": stranger(), "images": GREY * 300}, "images run from .* value_range="),
    "half a range": ({"model": stranger(), "images": GREY, "value_range": (1,)}, "two different"),
    "no dimension": ({"decode": len, "latent_dim": -1}, "latent_dim=-1; give how many numbers"),
    "NaN": ({"model": stranger(), "images": GREY * torch.nan}, "hold NaN"),
    "no range": ({"model": stranger(), "images": GREY, "value_range": (1, 1)}, "two different"),
    "tanh": (
        {"decode": lambda z: np.full((len(z), 8, 6), -1.0), "latent_dim": 2},
        "decode gives values from -1 to -1 .* value_range=",
    ),
    "empty": ({"model": stranger(), "images": GREY[:0]}, "images holds no image"),
    "three": ({"encode": lambda x: (x, x, x), "images": GREY}, "give mu .* or a pair of such"),
    "one for all": (
        {"encode": lambda x: torch.zeros(1, 2), "images": GREY},
        r"encode gives \(1, 2\) for 8 images",
    ),
    "text": ({"encode": lambda x: ["a"] * len(x), "images": GREY}, "an array of numbers"),
    "raising": (
        {"decode": lambda z: 1 / 0, "latent_dim": 2, "image_shape": (8, 6)},
        r"decode takes no codes of \(2, 2\); it said: ZeroDivisionError: division by zero",
    ),
    "uncopied": ({"model": Undoable(), "images": GREY}, "Undoable cannot be copied"),
    "axes": ({"model": stranger(), "images": GREY[None, None]}, r"One image is \(1, 9, 8, 6\)"),
}  # fmt: skip


def test_pixels_that_are_cut_off_are_told() -> None:
    images = torch.linspace(-0.2, 1, 48).reshape(1, 1, 8, 6)
    with pytest.warns(UserWarning, match="values from -0.2 to 1 .* 17 % of the pixels are cut off"):
        adapted(decode=lambda z: images.repeat(len(z), 1, 1, 1), latent_dim=2)


@pytest.mark.parametrize(
    ("value", "beyond", "where"),
    [(math.nan, 0.0, "at draws of N(0, I)"), (math.inf, 3.0, "up to 4 from 0")],
)
def test_pixels_that_are_no_numbers_are_told_and_shown_all_the_same(
    value: float, beyond: float, where: str
) -> None:
    def decode(z: torch.Tensor) -> torch.Tensor:
        pixels = torch.full((len(z), 4, 4), 0.5)
        return torch.where((z.norm(dim=1) > beyond)[:, None, None], value, pixels)

    sentence = f"decode gives NaN or infinite pixels {where}."
    with pytest.warns(UserWarning, match=re.escape(sentence)):
        model = adapted(decode=decode, latent_dim=2)
    assert sentence in model.told and sentence in check_model(model)
    assert bool(model.decode(torch.tensor([[9.0, 9.0], [0.0, 0.0]])).isfinite().all())


def test_a_function_that_fails_later_is_a_sentence() -> None:
    def decode(z: torch.Tensor) -> torch.Tensor:
        if bool((z > 9).any()):
            raise RuntimeError("out of\nmemory")
        return torch.zeros(len(z), 4, 4)

    model = adapted(decode=decode, latent_dim=2)
    assert model.decode(torch.zeros(1, 2)).shape == (1, 1, 4, 4)
    with pytest.raises(
        ConfigError, match=r"failed to decode \(1, 2\): RuntimeError: out of memory"
    ):
        model.decode(torch.full((1, 2), 10.0))


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_adapted_is_refused_in_one_sentence(case: str) -> None:
    given, sentence = REFUSED[case]
    with pytest.raises(ZscapeError, match=sentence):
        adapted(**given)
