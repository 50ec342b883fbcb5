"""Codes and images that are written for real come back to the same bits, at the due rate."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal

import vae_core.measures.coding
from tests.vae_core.arrays import seeded
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import encode_dataset
from vae_core.measures.coding import (
    STEP,
    WORD,
    black_and_white_png_bits,
    frequencies,
    read_codes,
    read_images,
    write_codes,
    write_images,
)
from vae_core.measures.compression import entropy_bits, quantise
from vae_core.measures.registry import measured
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import elbo_terms

SHAPE = (1, 6, 5)


@pytest.fixture
def model() -> LatentModel:
    """One whose posterior is narrower than its prior, and whose pixels hang on z."""
    torch.manual_seed(0)
    built = build_model(ModelConfig(SHAPE, 3, hidden=(20,))).eval()
    for parameter in built.decoder.parameters():
        parameter.data.mul_(2)
    built.encoder[-1].bias.data[3:] -= 3
    return built


@pytest.fixture
def images(model: LatentModel) -> torch.Tensor:
    with torch.no_grad():
        p = model.decode(model.sample_prior(300, seeded()))
    return torch.bernoulli(p, generator=seeded(1))


def test_images_come_back_to_the_same_bits_at_the_cost_of_the_elbo(
    model: LatentModel, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost of the very z that were read, by torch.distributions, and so about -ELBO."""
    given, taken = vae_core.measures.coding._pixels_given, []

    def recorded(of: LatentModel, symbols: np.ndarray) -> np.ndarray:
        taken.append(torch.from_numpy(symbols * STEP))
        return given(of, symbols)

    monkeypatch.setattr(vae_core.measures.coding, "_pixels_given", recorded)
    message = write_images(model, images, seed=3)
    z = torch.stack(taken)
    assert torch.equal(read_images(model, message), images)
    with torch.no_grad():
        mu, logvar = (each.double() for each in model.encode(images))
        pixels = Bernoulli(model.decode(z.float()).double()).log_prob(images).sum((1, 2, 3))
        due = pixels + (Normal(0, 1).log_prob(z) - Normal(mu, (logvar / 2).exp()).log_prob(z)).sum(
            1
        )
        elbo = elbo_terms(model, images, generator=seeded(2), samples=50).elbo
    assert message.bits == pytest.approx(-float(due.mean()) / math.log(2), rel=0.01)
    assert message.bits == pytest.approx(-float(elbo.mean()) / math.log(2), rel=0.05)


def test_z_is_read_from_the_posterior_and_never_far_from_it(
    model: LatentModel, images: torch.Tensor
) -> None:
    """Of 20,000 draws: a coder that leaves all values of the prior some room reads 20 far out."""
    stream = vae_core.measures.coding._constriction()
    words = np.random.default_rng(0).integers(1 << 32, size=20_000, dtype=np.uint32)
    with torch.no_grad():
        mu, logvar = (each[0].double() for each in model.encode(images[:1]))
        read = vae_core.measures.coding._posterior(stream, model, images[0])
    for (at, near), mean, sigma in zip(read, mu, (logvar / 2).exp(), strict=True):
        z = (at + stream.stack.AnsCoder(words, seal=True).decode(near, 20_000)) * STEP
        apart = (torch.from_numpy(z) - mean) / sigma
        assert apart.abs().max() < 8.2
        assert abs(float(apart.mean())) < 0.05
        assert float(apart.std()) == pytest.approx(1, abs=0.05)


def test_other_random_bits_to_begin_with_make_no_difference(
    model: LatentModel, images: torch.Tensor
) -> None:
    one, other = (write_images(model, images[:50], seed=seed) for seed in (0, 1))
    assert one.words.tolist() != other.words.tolist()
    assert torch.equal(read_images(model, one), read_images(model, other))


def test_bits_of_another_model_are_not_read(model: LatentModel, images: torch.Tensor) -> None:
    message = write_images(model, images[:20])
    model.decoder[-2].bias.data.add_(3)
    with pytest.raises(DataError, match="not written by this model"):
        read_images(model, message)


@pytest.mark.parametrize("n", [1, 2, 500])
def test_codes_come_back_at_the_cost_of_their_entropy(n: int) -> None:
    codes = torch.randn(n, 4, generator=seeded()) * torch.tensor([1.0, 5.0, 0.01, 0.0])
    symbols = quantise(codes, 0.1)
    words = write_codes(symbols)
    assert torch.equal(read_codes(words, frequencies(symbols), n), symbols)
    assert WORD * len(words) <= n * float(entropy_bits(symbols).sum()) * 1.01 + 2 * WORD
    assert WORD * len(words) >= n * float(entropy_bits(symbols).sum()) * 0.99 - 1


def test_png_of_black_and_white_is_of_one_bit() -> None:
    noise = torch.bernoulli(torch.full((50, 1, 16, 16), 0.5), generator=seeded())
    assert 256 <= black_and_white_png_bits(noise) < 300
    assert black_and_white_png_bits(torch.zeros(50, 3, 16, 16)) < 50


def test_what_cannot_be_written_is_refused(
    model: LatentModel, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="neither 0 nor 1"):
        write_images(model, images / 2)
    model.encoder[-1].bias.data[:3] += 100
    with pytest.raises(DataError, match="deviations out"):
        write_images(model, images[:2])
    plain = build_model(ModelConfig(SHAPE, 3, hidden=(), kind="autoencoder"))
    gaussian = build_model(ModelConfig(SHAPE, 3, hidden=(), likelihood="gaussian"))
    for other in (plain, gaussian):
        with pytest.raises(ConfigError, match="lacks one of them"):
            write_images(other, images)
    monkeypatch.setattr(vae_core.measures.coding, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"zscape\[coding\]"):
        write_codes(torch.zeros(3, 1, dtype=torch.int64))


def test_evaluate_has_it_as_a_measure(model: LatentModel, images: torch.Tensor) -> None:
    data = ImageDataset("noise", "test", (255 * images).to(torch.uint8))
    found = measured("coding", model, data, encode_dataset(model, data))
    assert found["codes"] == pytest.approx(found["codes estimated"], abs=0.25)
    assert found["without loss"] == pytest.approx(found["ELBO"], rel=0.1)
    assert found["PNG"] > 30
    grey = ImageDataset("noise", "test", (127 * images).to(torch.uint8))
    assert found.keys() - measured("coding", model, grey, encode_dataset(model, grey)).keys() == {
        "without loss",
        "ELBO",
        "PNG",
    }
    assert np.isfinite(list(found.values())).all()
