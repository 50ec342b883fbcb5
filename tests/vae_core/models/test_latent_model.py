"""encode and decode never sample; sampling follows its generator; shapes that clash are named."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from tests.vae_core.arrays import seeded
from vae_core.errors import ConfigError
from vae_core.latent.decoded import decoded, prior_samples
from vae_core.latent.manifold import manifold_grid
from vae_core.latent.paths import interpolate
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.vae import VAE, Autoencoder


@pytest.fixture(params=["vae", "autoencoder"])
def model(request: pytest.FixtureRequest) -> LatentModel:
    torch.manual_seed(0)
    return build_model(ModelConfig((1, 5, 4), latent_dim=3, kind=request.param, hidden=(7,)))


def test_encoding_and_decoding_are_deterministic_even_while_training(model: LatentModel) -> None:
    x, z = torch.rand(4, 1, 5, 4), torch.randn(4, 3)
    state = torch.random.get_rng_state()
    for training in (True, False):
        model.train(training)
        assert torch.equal(model.encode(x)[0], model.encode(x)[0])
        assert torch.equal(model.decode(z), model.decode(z))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_image_alone_is_encoded_as_among_others(model: LatentModel) -> None:
    x = torch.rand(6, 1, 5, 4)
    alone = torch.cat([model.encode(x[i : i + 1])[0] for i in range(6)])
    torch.testing.assert_close(alone, model.encode(x)[0])


def test_a_plain_autoencoder_has_points_for_codes() -> None:
    model = build_model(ModelConfig((1, 5, 4), kind="autoencoder", hidden=(7,)))
    mu, logvar = model.encode(torch.rand(4, 1, 5, 4))
    assert isinstance(model, Autoencoder) and not model.is_variational
    assert (logvar == -math.inf).all()
    assert torch.equal(model.sample_posterior(mu, logvar, seeded()), mu)


def test_samples_of_the_posterior_are_normal_about_mu() -> None:
    model = build_model(ModelConfig((1, 2, 2), hidden=()))
    mu, logvar = torch.tensor([[1.5, -2.0]]), torch.tensor([[0.4, -3.0]])
    z = model.sample_posterior(mu.expand(20_000, 2), logvar.expand(20_000, 2), seeded())
    standardised = (z - mu) / torch.exp(logvar / 2)
    for column in standardised.T:
        assert stats.kstest(column.numpy(), "norm").pvalue > 0.01


def test_samples_of_the_prior_are_standard_normal() -> None:
    model = build_model(ModelConfig((1, 2, 2), hidden=()))
    z = model.sample_prior(20_000, seeded())
    assert z.shape == (20_000, 2)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 0.01


def test_sampling_follows_its_generator_alone(model: LatentModel) -> None:
    mu, logvar = torch.zeros(5, 3), torch.zeros(5, 3)
    state = torch.random.get_rng_state()
    assert torch.equal(model.sample_prior(5, seeded(1)), model.sample_prior(5, seeded(1)))
    assert not torch.equal(model.sample_prior(5, seeded(1)), model.sample_prior(5, seeded(2)))
    assert torch.equal(
        model.sample_posterior(mu, logvar, seeded(1)), model.sample_posterior(mu, logvar, seeded(1))
    )
    assert torch.equal(torch.random.get_rng_state(), state)


def test_prior_samples_come_with_their_images(model: LatentModel) -> None:
    z, images = prior_samples(model, 6, seed=4)
    assert torch.equal(images, decoded(model, z)) and not images.requires_grad
    torch.testing.assert_close(images, model.decode(z).detach())
    assert torch.equal(z, prior_samples(model, 6, seed=4)[0])


@pytest.mark.parametrize("shape", [(4, 1, 4, 5), (4, 3, 5, 4), (1, 5, 4), (4, 20)])
def test_images_of_another_shape_are_named(model: LatentModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError) as refusal:
        model.encode(torch.rand(shape))
    assert "image_shape=(1, 5, 4)" in str(refusal.value) and str(shape) in str(refusal.value)


@pytest.mark.parametrize(
    ("shape", "said"), [((4, 2), "2 columns"), ((3,), r"\(3,\)"), ((), r"\(\)")]
)
def test_codes_of_another_shape_are_named(
    model: LatentModel, shape: tuple[int, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=f"latent_dim=3, but z has {said}"):
        model.decode(torch.zeros(shape))


def test_floats_of_any_precision_are_read_and_whole_numbers_are_not(model: LatentModel) -> None:
    x, z = torch.rand(2, 1, 5, 4), torch.randn(2, 3)
    assert torch.equal(model.encode(x.double())[0], model.encode(x)[0])
    assert torch.equal(model.decode(z.double()), model.decode(z))
    with pytest.raises(ConfigError, match="give floats"):
        model.encode((255 * x).to(torch.uint8))


def test_arrays_of_numpy_are_answered_with_what_to_give(model: LatentModel) -> None:
    x, z = np.zeros((2, 1, 5, 4), np.float32), np.zeros((2, 3), np.float32)
    for call in (model.encode, lambda x: model.log_likelihood(x, torch.zeros(2, 3))):
        with pytest.raises(ConfigError, match=r"x is a numpy.ndarray.*torch.as_tensor\(x\)"):
            call(x)
    for call in (model.decode, lambda z: model.log_likelihood(torch.zeros(2, 1, 5, 4), z)):
        with pytest.raises(ConfigError, match=r"z is a numpy.ndarray.*torch.as_tensor\(z\)"):
            call(z)


@pytest.mark.parametrize("prior", ["normal", "vamp"])
def test_a_model_of_float64_draws_in_float64(prior: str) -> None:
    config = ModelConfig((1, 5, 4), latent_dim=3, hidden=(7,), prior=prior, pseudo_inputs=4)
    model = build_model(config).double()
    z = model.sample_prior(6, seeded())
    assert z.dtype == torch.float64 and not torch.equal(z, z.float().double())


def test_whole_numbers_of_numpy_are_whole_numbers(model: LatentModel) -> None:
    assert manifold_grid(model, np.int64(3))[0].shape == (3, 3, 3)
    assert interpolate(torch.zeros(3), torch.ones(3), np.int64(4)).shape == (4, 3)


def test_a_config_survives_json() -> None:
    config = ModelConfig((3, 5, 4), latent_dim=7, hidden=(4, 5), likelihood="gaussian", sigma=0.2)
    document = config.to_json()
    assert ModelConfig(**document) == config
    assert document["hidden"] == [4, 5] and document["image_shape"] == [3, 5, 4]
    assert isinstance(build_model(config), VAE)


WRONG: list[tuple[str, Any]] = [
    *(("image_shape", v) for v in ((1, 4), (2, 4, 4), (1, 0, 4), (1, 4, 513), (1, 4.0, 4), "1x4")),
    *(("latent_dim", v) for v in (0, 513, 2.0, "2", None, True)),
    *(("kind", v) for v in ("diffusion", None, [])),
    *(("hidden", v) for v in ((0,), (8193,), (2,) * 17, (True,), 5)),
    *(("sigma", v) for v in (0.0, -1.0, math.nan, math.inf, "1", True)),
    *((name, v) for name in ("network", "activation", "likelihood", "link") for v in (None, 3)),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_config_out_of_its_range_is_named(field: str, value: Any) -> None:
    with pytest.raises(ConfigError) as refusal:
        ModelConfig(**({"image_shape": (1, 4, 4)} | {field: value}))
    assert str(value)[:5] in str(refusal.value)


def test_gradients_may_start_at_a_decoded_image() -> None:
    model = build_model(ModelConfig((1, 4, 3), hidden=(6,)))
    mu, _ = model.encode(decoded(model, torch.zeros(2, 2)))
    mu.sum().backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


@pytest.mark.parametrize(
    ("value", "said"),
    [(200.0, "runs from 200 to 200.* divide by 255"), (-1.0, "from -1 to -1"), (math.nan, "nan")],
)
def test_brightnesses_outside_0_to_1_are_refused_where_nothing_is_learned(
    model: LatentModel, value: float, said: str
) -> None:
    x = torch.full((2, 1, 5, 4), value)
    with pytest.raises(ConfigError, match=said):
        model.eval().encode(x)
    rounded = torch.full((2, 1, 5, 4), 1 + 1e-6)
    assert model.encode(rounded)[0].shape == (2, 3)
