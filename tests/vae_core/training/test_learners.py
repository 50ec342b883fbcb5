"""Learners: what each objective does with batches, its settings, and going on where it was."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.vae_core.arrays import assert_same
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, TrainingError
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import likelihood_names
from vae_core.models.networks import network_names
from vae_core.objectives import registry as objective_registry
from vae_core.objectives.factor_vae import factor_vae, shuffled
from vae_core.objectives.objective import TermsOf
from vae_core.objectives.registry import find_objective, objective_names, register_objective
from vae_core.objectives.terms import Batch, ObjectiveTerms, elbo_terms
from vae_core.objectives.variational import beta_vae
from vae_core.training.config import TrainConfig
from vae_core.training.factor_vae import FactorVaeLearner
from vae_core.training.learner import GradientLearner
from vae_core.training.loop import train
from vae_core.training.progress import Progress

TINY = TrainConfig(dataset="digits", hidden=(6,), epochs=3, batch_size=8, seed=3)
SMALL = {"factor-vae": {"width": 5}, "m2": {"labels": 2, "classes": 2}}  # so that a test is quick

Shape = tuple[int, int, int]


def images(n: int = 20, shape: tuple[int, int, int] = (1, 3, 4), seed: int = 0) -> ImageDataset:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)
    labels = torch.arange(n) % 2
    return ImageDataset("digits", "train", pixels, labels, class_names=("even", "odd"))


DATA: dict[str, Any] = {"train_data": images(), "test_data": images(10, seed=1)}


def last(config: TrainConfig, **options: Any) -> Progress:
    *_, end = train(config, **(DATA | options))
    assert end.done
    return end


def with_objective(name: str, **changes: Any) -> TrainConfig:
    return replace(TINY, objective=name, objective_settings=SMALL.get(name, {}), **changes)


def combinations() -> Iterator[tuple[TrainConfig, Shape]]:
    """Each objective with each likelihood, each network, and on grey and on coloured images.

    Of likelihood, network and shape all combinations are met, by one objective or another.
    """
    networks = network_names()
    shapes = [(1, 7, 5), (3, 9, 12)]
    for i, objective in enumerate(objective_names()):
        for k, likelihood in enumerate(likelihood_names()):
            network = networks[(i + k) % len(networks)]
            shape = shapes[(i // len(networks) + k) % len(shapes)]
            config = with_objective(
                objective,
                network="mlp" if objective == "m2" else network,  # M2 has one of its own
                hidden=(4, 3),
                likelihood=likelihood,
                epochs=1,
                batch_size=3,
                learning_rate=1e-4,
            )
            yield config, shape


@pytest.mark.parametrize(
    ("config", "shape"),
    [*combinations()],
    ids=lambda value: (
        f"{value.objective}-{value.likelihood}-{value.network}"
        if isinstance(value, TrainConfig)
        else "x".join(map(str, value))
    ),
)
def test_all_that_is_registered_trains(config: TrainConfig, shape: Shape) -> None:
    end = last(config, train_data=images(6, shape), test_data=images(2, shape))
    assert end.step == 2 and end.test is not None and math.isfinite(end.test.loss)


@pytest.mark.parametrize("likelihood", likelihood_names())
def test_all_that_is_registered_survives_a_save(likelihood: str, tmp_path: Path) -> None:
    """Many objectives share a model: each model is saved once, by the first of them."""
    models: dict[ModelConfig, TrainConfig] = {}
    for config, shape in combinations():
        if config.likelihood == likelihood:
            models.setdefault(config.model_config(shape), config)
    for k, (model_config, config) in enumerate(models.items()):
        model = build_model(model_config)
        save_checkpoint(tmp_path / str(k), model, config=config)
        loaded = load_checkpoint(tmp_path / str(k))
        assert loaded.config == model_config
        assert_same(loaded.state_dict(), model.state_dict())


def test_a_training_is_adam_on_the_elbo() -> None:
    """By a loop of its own, to the last bit."""
    config = replace(TINY, schedule="constant", samples=2, beta=1.5)
    data = DATA["train_data"]
    torch.manual_seed(config.seed)
    model = build_model(config.model_config(data.image_shape))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    for epoch in range(config.epochs):
        seeded = [torch.Generator().manual_seed(3 * 1_000_003 + epoch) for _ in range(2)]
        for rows in torch.randperm(20, generator=seeded[0]).split(8):
            terms = elbo_terms(model, data.floats(rows), generator=seeded[1], samples=2)
            optimizer.zero_grad()
            (1.5 * terms.kl.sum(1) - terms.reconstruction).mean().backward()
            optimizer.step()
    assert_same(last(config).model.state_dict(), model.state_dict())


@pytest.mark.parametrize(
    "config",
    [
        with_objective("factor-vae"),
        with_objective("warm-up", beta=3.0),
        with_objective("capacity", binarisation="dynamic"),
        with_objective("iwae-dreg", samples=3, binarisation="static"),
        with_objective("denoising"),
        with_objective("ppca"),
        with_objective("gan"),
        with_objective("m2"),
        with_objective("elbo", likelihood="learned-gaussian"),
    ],
    ids=lambda config: config.objective,
)
def test_a_resumed_run_goes_on_bit_for_bit(config: TrainConfig) -> None:
    first = next(p.state() for p in train(config, **DATA) if p.epoch_ended)
    kept = {name: tensor.clone() for name, tensor in first.items()}
    assert_same(last(config, resume=first).state(), last(config).state())
    assert_same(kept, first)


@pytest.mark.parametrize(
    "name", ["discriminator.0.weight", "discriminator_optimizer.0.weight.exp_avg"]
)
def test_a_state_without_its_discriminator_is_refused(name: str) -> None:
    state = next(iter(train(with_objective("factor-vae"), report_seconds=1e9, **DATA))).state()
    del state[name]
    with pytest.raises(TrainingError, match="does not belong"):
        list(train(with_objective("factor-vae"), resume=state, **DATA))


def register(name: str, terms_of: TermsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter an objective that is gone again after the test."""
    monkeypatch.setattr(objective_registry, "_REGISTRY", dict(objective_registry._REGISTRY))
    register_objective(
        name, "", lambda config, model: GradientLearner(config, model, terms_of), uses=("beta",)
    )


def test_a_registered_objective_can_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(model: LatentModel, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
        terms = elbo_terms(model, batch.x, generator=batch.generator)
        total = config.beta * terms.kl.sum(1) - 0.5 * terms.reconstruction
        return ObjectiveTerms(terms.reconstruction, terms.kl, total.mean())

    register("halved", halved, monkeypatch)
    end = last(replace(TINY, objective="halved", beta=2.0))
    assert end.train.loss == pytest.approx(2 * end.train.kl - 0.5 * end.train.reconstruction)
    with pytest.raises(ConfigError, match="'halved' is registered already"):
        register("halved", halved, monkeypatch)


# Weights that rise


@pytest.mark.parametrize(
    ("objective", "part", "final"), [("warm-up", "beta", 4.0), ("capacity", "capacity", 25.0)]
)
def test_a_weight_rises_evenly_and_stays(objective: str, part: str, final: float) -> None:
    config = with_objective(objective, beta=4.0 if objective == "warm-up" else 1.0)
    config = replace(config, objective_settings={"rise": 0.5}, epochs=4, batch_size=20)
    at_ends = [p.test.parts[part] for p in train(config, **DATA) if p.test]
    assert at_ends == pytest.approx([final / 2, final, final, final])


@pytest.mark.parametrize("objective", ["iwae", "iwae-dreg"])
def test_the_draws_of_the_bound_rise_by_equal_factors(objective: str) -> None:
    config = replace(with_objective(objective, samples=16), epochs=4, batch_size=20)
    rising = replace(config, objective_settings={"rise": 0.5})
    ends = [p for p in train(rising, **DATA) if p.test]  # of epochs of one step
    assert [p.train.parts["draws"] for p in ends] == [1, 4, 16, 16]
    assert [p.test.parts["draws"] for p in ends if p.test] == [4, 16, 16, 16]
    assert not rising.compares(1) and rising.compares(2)
    at_once = replace(config, objective_settings={"rise": 0.0})
    assert_same(last(at_once).model.state_dict(), last(config).model.state_dict())


def test_beta_of_the_total_correlation_falls_to_1_by_equal_factors() -> None:
    config = replace(with_objective("beta-tcvae"), epochs=8, batch_size=20)
    falling = replace(config, objective_settings={"beta": 4.0, "fall": 0.25})
    ends = [p for p in train(falling, **DATA) if p.test]  # of epochs of one step
    betas = [p.train.parts["beta"] for p in ends]
    assert betas == pytest.approx([4, 4, 4, 2, 1, 1, 1, 1])
    for beta, p in zip(betas, ends, strict=True):
        parts = p.train.parts
        weighed = parts["mutual_information"] + parts["dimension_kl"]
        weighed += beta * parts["total_correlation"]
        assert p.train.loss == pytest.approx(weighed - p.train.reconstruction, rel=1e-5)
    assert not falling.compares(3) and falling.compares(4)
    stays = [replace(config, objective_settings=own) for own in ({}, {"fall": 0.0})]
    assert_same(*(last(each).model.state_dict() for each in stays))
    assert "beta" not in last(config).train.parts


def test_the_loss_of_a_warm_up_has_the_weight_of_its_moment() -> None:
    config = replace(with_objective("warm-up", beta=4.0), epochs=4, batch_size=20)
    for p in train(replace(config, objective_settings={"rise": 1.0}), **DATA):
        beta = p.train.parts["beta"]
        assert beta == pytest.approx(p.epoch - 1)
        assert p.train.loss == pytest.approx(beta * p.train.kl - p.train.reconstruction)


@pytest.mark.parametrize("name", objective_names())
def test_every_objective_with_a_kl_can_warm_it_up(name: str) -> None:
    objective = find_objective(name)
    has_kl = objective.kind in ("vae", "m2") and name not in ("warm-up", "capacity")
    assert ("warm_up" in objective.uses) == has_kl
    if not has_kl:
        with pytest.raises(ConfigError, match=f"warm_up=0.5 has no meaning for .* {name}"):
            with_objective(name, warm_up=0.5)
        return
    config = replace(with_objective(name, warm_up=0.5), epochs=4, batch_size=20)
    weights = [p.test.parts["kl_weight"] for p in train(config, **DATA) if p.test]
    assert weights == pytest.approx([0.5, 1, 1, 1])
    assert not config.compares(1) and config.compares(2)


def test_a_warm_up_of_the_elbo_is_the_objective_of_that_name_bit_for_bit() -> None:
    config = replace(with_objective("warm-up", beta=3.0), objective_settings={"rise": 0.5})
    same = with_objective("elbo", beta=3.0, warm_up=0.5)
    assert_same(last(config).model.state_dict(), last(same).model.state_dict())
    assert_same(
        last(same, resume=next(p.state() for p in train(same, **DATA) if p.epoch_ended)).state(),
        last(same).state(),
    )


# FactorVAE


def test_shuffling_keeps_each_dimensions_values_and_breaks_their_pairs() -> None:
    z = torch.arange(200.0)[:, None].repeat(1, 3)
    mixed = shuffled(z, torch.Generator().manual_seed(0))
    assert torch.equal(mixed.sort(0).values, z)
    assert not torch.equal(mixed[:, 0], mixed[:, 1])


def test_the_discriminator_finds_the_total_correlation_of_a_gaussian() -> None:
    """-1/2 log(1 - rho^2), of codes that are the pixels themselves."""
    rho = 0.8
    torch.manual_seed(0)
    config = replace(
        TINY, hidden=(), objective="factor-vae", learning_rate=1e-8, epochs=1,
        objective_settings={"width": 32, "discriminator_rate": 3e-3},
    )  # fmt: skip
    model = build_model(ModelConfig((1, 1, 2), hidden=()))
    with torch.no_grad():
        model.encoder[1].weight.copy_(torch.cat([8 * torch.eye(2), torch.zeros(2, 2)]))
        model.encoder[1].bias.copy_(torch.tensor([-4.0, -4.0, -20.0, -20.0]))
    learner = FactorVaeLearner(config, model)
    generator = torch.Generator().manual_seed(1)

    def batch(n: int) -> Batch:
        z = torch.randn(n, 2, generator=generator)
        z[:, 1] = rho * z[:, 0] + math.sqrt(1 - rho**2) * z[:, 1]
        x = (z / 8 + 0.5).reshape(n, 1, 1, 2)
        return Batch(x, None, generator, images=n, step=0, total_steps=1, cycle=0.0)

    for _ in range(300):
        learner.step(batch(256))
    found = learner.terms(batch(4_000)).parts["total_correlation"].item()
    assert found == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.1)


def test_factor_vae_is_the_elbo_and_gamma_times_what_the_discriminator_finds() -> None:
    model, x = build_model(ModelConfig((1, 3, 4), hidden=(5,))), DATA["train_data"].floats()
    elbo = elbo_terms(model, x, generator=torch.Generator().manual_seed(1)).elbo
    terms, z = factor_vae(
        model, x, generator=torch.Generator().manual_seed(1),
        discriminator=lambda z: z.sum(1, keepdim=True), gamma=4.0,
    )  # fmt: skip
    assert terms.loss.item() == pytest.approx(-elbo.mean().item() + 4 * z.sum(1).mean().item())


def test_the_models_step_leaves_the_discriminator_as_it_is() -> None:
    config = replace(with_objective("factor-vae"), epochs=1)
    model = build_model(config.model_config((1, 3, 4)))
    learner = FactorVaeLearner(replace(config, learning_rate=1e-3), model)
    x = DATA["train_data"].floats()
    batch = Batch(
        x, None, torch.Generator().manual_seed(0), images=20, step=0, total_steps=1, cycle=0.0
    )
    learner.terms(batch).loss.backward()
    assert all(p.grad is None for p in learner.discriminator.parameters())
    assert all(p.grad is not None for p in model.parameters())


# Batches


@pytest.mark.parametrize("objective", ["wae-mmd", "beta-tcvae", "dip-vae-i", "factor-vae"])
def test_a_last_image_is_compared_with_those_before(objective: str) -> None:
    reports = list(train(replace(with_objective(objective), batch_size=19), **DATA))
    assert [p.step for p in reports if p.epoch_ended] == [1, 2, 3]


def test_binarised_training_sees_zeros_and_ones_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def watched(model: LatentModel, batch: Batch, config: TrainConfig) -> ObjectiveTerms:
        seen.append(batch.x)
        return beta_vae(model, batch.x, generator=batch.generator)

    register("watched", watched, monkeypatch)
    config = replace(TINY, objective="watched", batch_size=20, epochs=2)
    for binarisation, levels in (("none", False), ("static", True), ("dynamic", True)):
        seen.clear()
        list(train(replace(config, binarisation=binarisation), report_seconds=1e9, **DATA))
        assert all(bool(((x == 0) | (x == 1)).all()) for x in seen) is levels
        ordered = [x.flatten(1).sum(1).sort().values for x in seen[::2]]  # of the training images
        assert torch.equal(*ordered) is (binarisation != "dynamic")
        assert torch.equal(seen[1], seen[3])  # the test images' draws are always the same


# Settings


def test_settings_are_complete_and_stay_as_they_are() -> None:
    config = TrainConfig(objective="beta-tcvae", objective_settings={"beta": 4})
    assert config.to_json()["objective_settings"] == {
        "alpha": 1.0, "beta": 4.0, "gamma": 1.0, "sampling": "stratified", "fall": 0.0
    }  # fmt: skip
    assert TrainConfig.from_json(config.to_json()) == config
    assert len({config, TrainConfig.from_json(config.to_json())}) == 1
    with pytest.raises(TypeError):
        config.objective_settings["beta"] = 5  # type: ignore[index]


def test_settings_of_before_there_were_objectives_still_load() -> None:
    values = TINY.to_json()
    del values["objective_settings"], values["binarisation"]
    assert TrainConfig.from_json(values) == TINY


@pytest.mark.parametrize(
    ("objective", "settings", "said"),
    [
        ("elbo", {"gamma": 1}, "'gamma' is not among the objective elbo's own settings, none"),
        ("capacity", {"beta": 1}, "they are capacity, gamma, rise"),
        ("capacity", {"rise": 1.5}, "rise=1.5 is not a number from 0 to 1"),
        ("capacity", {"gamma": "much"}, "gamma='much' is not a number"),
        ("capacity", {"gamma": True}, "gamma=True is not a number"),
        ("capacity", {"gamma": math.nan}, "gamma=nan is not a number"),
        ("factor-vae", {"width": 8.5}, "width=8.5 is not a whole number"),
        ("beta-tcvae", {"sampling": "all"}, "sampling='all' is not one of stratified, weighted"),
        ("denoising", {"corruption": []}, r"corruption=\[\] is not one of"),
        ("capacity", ["gamma"], r"objective_settings=\['gamma'\] are not values by name"),
        ("capacity", {3: 4}, "are not values by name"),
    ],
)
def test_a_setting_that_cannot_be_is_named(objective: str, settings: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TrainConfig(objective=objective, objective_settings=settings)


@pytest.mark.parametrize("objective", objective_names())
@pytest.mark.parametrize(("name", "value"), [("beta", 3.0), ("samples", 2)])
def test_what_means_nothing_to_an_objective_is_refused(
    objective: str, name: str, value: float
) -> None:
    if name in find_objective(objective).uses:
        assert getattr(replace(TINY, objective=objective, **{name: value}), name) == value
    else:
        with pytest.raises(ConfigError, match=f"{name}={value:g} has no meaning for .*{objective}"):
            replace(TINY, objective=objective, **{name: value})


def test_one_image_is_no_batch_for_those_that_compare() -> None:
    with pytest.raises(ConfigError, match="batch_size=1, but the objective wae-mmd"):
        TrainConfig(objective="wae-mmd", batch_size=1)


def test_each_objective_and_setting_has_its_sentence() -> None:
    for name in objective_names():
        objective = find_objective(name)
        for text in (objective.text, *(setting.text for setting in objective.settings.values())):
            assert text.endswith(".") and "\n" not in text
