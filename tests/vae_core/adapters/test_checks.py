"""check_model passes all that ships, and tells of each thing that a model can break."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from docs.rooms import ROOT
from vae_core.adapters.checks import check_model
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.models.config import KINDS, ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.linear import LINEAR

LINEAR_ONES: dict[str, Any] = LINEAR
SHAPE = (1, 8, 8)


def of_kind(kind: str) -> LatentModel:
    torch.manual_seed(0)
    settings = LINEAR_ONES if kind in ("pca", "ppca") else {"hidden": (16,)}
    return build_model(ModelConfig(SHAPE, 3, kind=kind, **settings)).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_passes(kind: str) -> None:
    assert check_model(of_kind(kind)) == []


@pytest.mark.parametrize("name", ["digits-2d", "mnist-16d"])
def test_models_that_come_with_zscape_pass(name: str) -> None:
    assert check_model(load_checkpoint(ROOT / "checkpoints" / name)) == []


def test_a_vampprior_passes() -> None:
    config = ModelConfig(SHAPE, 3, hidden=(16,), prior="vamp", pseudo_inputs=5)
    assert check_model(build_model(config).eval()) == []


def test_kinds_say_what_they_have() -> None:
    names = ("is_variational", "has_encoder", "has_decoder", "has_likelihood", "has_gradients")
    told = {kind: tuple(getattr(of_kind(kind), name) for name in names) for kind in KINDS}
    assert told == {
        "vae": (True, True, True, True, True),
        "autoencoder": (False, True, True, True, True),
        "pca": (False, True, True, True, True),
        "ppca": (True, True, True, True, True),
        "gan": (False, False, True, False, True),
        "m2": (True, True, True, True, True),
    }


def noisy(y: Any) -> Any:
    return (y + torch.rand_like(y) / 2).clamp(0, 1)


def drawing(y: Any) -> Any:
    torch.rand(1)
    return y


BREACHES: dict[str, tuple[dict[str, Any], str]] = {
    "latent_dim": ({"latent_dim": 2.5}, "latent_dim is 2.5"),
    "image_shape": ({"image_shape": (8, 8)}, r"image_shape is \(8, 8\)"),
    "flag": ({"has_gradients": None}, "has_gradients is None"),
    "nothing": (
        {"has_encoder": False, "has_decoder": False, "is_variational": False},
        "neither an encoder nor a decoder",
    ),
    "posterior": ({"has_encoder": False}, "said to give a posterior"),
    "mode": ({"training": True}, "in training mode"),
    "no pair": ({"encode": lambda pair: pair[0]}, "must give the pair"),
    "codes": ({"encode": lambda pair: (pair[0][:, :2], pair[1])}, r"mu \(5, 2\) for x"),
    "arrays": ({"decode": lambda y: y.detach().numpy()}, "must be a tensor"),
    "images": ({"decode": lambda y: y[:, 0]}, r"images \(5, 8, 8\) for z \(5, 3\), not"),
    "mu": ({"encode": lambda pair: (pair[0] * math.nan, pair[1])}, "a mu that is NaN"),
    "logvar": ({"encode": lambda pair: (pair[0], pair[1] - math.inf)}, "a logvar that is NaN"),
    "point": ({"is_variational": False}, "it must be -inf"),
    "nan": ({"decode": lambda y: y / 0 * 0}, "NaN or infinite pixels"),
    "range": ({"decode": lambda y: 2 * y - 1}, r"pixels from -.* not in \[0, 1\]"),
    "random": ({"decode": noisy}, "other values for the same input"),
    "draws": ({"decode": drawing}, "torch's global generator"),
    "batch": ({"decode": lambda y: y * y.mean(0)}, "a row alone than among others"),
    "in place": ({"encode": "argument"}, "changes its argument in place"),
    "weights": ({"decode": "weights"}, "changes its own"),
    "detached": ({"decode": lambda y: y.detach()}, "cannot be differentiated"),
    "rounded": ({"decode": lambda y: y + (y.sqrt() - y).detach()}, "gradients are not those"),
    "likelihood": ({"log_likelihood": lambda p: p[:2]}, "not one number an image"),
    "infinite": ({"log_likelihood": lambda p: p - math.inf}, "log_likelihood is NaN"),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_told_in_a_sentence(breach: str) -> None:
    changes, sentence = BREACHES[breach]
    model: Any = of_kind("vae")
    for name, change in changes.items():
        if change == "argument":
            of = model.encode
            model.encode = lambda x, of=of: of(x.mul_(0.9))
        elif change == "weights":
            of, weight = model.decode, next(model.parameters())
            model.decode = lambda z, of=of, weight=weight: (weight.data.mul_(0.9), of(z))[1]
        elif name == "log_likelihood":
            of = model.log_likelihood
            model.log_likelihood = lambda x, z, of=of, change=change: change(of(x, z))
        elif callable(change):
            of = getattr(model, name)
            setattr(model, name, lambda given, of=of, change=change: change(of(given)))
        else:
            setattr(model, name, change)
    told = check_model(model)
    assert any(re.search(sentence, each) for each in told), told


def test_pixels_that_are_no_brightnesses_hide_no_other_breach() -> None:
    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(16, 2)

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x.flatten(1)) + torch.randn(len(x), 2)

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return (z - z.mean(0)) @ self.layer.weight * 5

    told = " ".join(check_model(Mine(), torch.rand(9, 4, 4)))
    for breach in ("end it in a sigmoid", "other values for the same input", "alone than among"):
        assert breach in told


def test_what_cannot_be_adapted_is_told_like_any_breach() -> None:
    assert check_model(3) == [
        "model is of type int, which has neither encode nor decode; give encode= and decode= as "
        "functions."
    ]


def test_a_decoder_that_fails_is_told_once() -> None:
    model: Any = of_kind("vae")
    model.decode = lambda z: z @ torch.ones(7, 7)
    (sentence,) = check_model(model)
    assert sentence.startswith("decode fails. RuntimeError: mat1 and mat2")


def test_an_object_whose_pixels_are_cut_off_is_told_so() -> None:
    class Bright(nn.Module):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return 1.1 * torch.sigmoid(z.repeat(1, 32)).view(-1, 8, 8)

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return 9 * x.flatten(1)[:, :2]

    told = check_model(Bright(), torch.rand(6, 8, 8))
    assert any("of the pixels are cut off" in sentence for sentence in told), told


def test_a_strangers_model_is_adapted_and_checked_with_its_images() -> None:
    class Stranger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.codes, self.pixels = nn.Linear(64, 3), nn.Linear(3, 64)

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return self.codes(x.flatten(1))

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.pixels(z)).view(-1, 8, 8)

    class Batchwise(Stranger):
        def encode(self, x: torch.Tensor) -> torch.Tensor:
            code = super().encode(x)
            return code - code.mean(0)

    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8), np.uint8)
    assert check_model(Stranger(), images) == []
    (sentence,) = check_model(Batchwise(), images)
    assert "encode gives other values for a row alone" in sentence
