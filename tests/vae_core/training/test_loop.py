"""Training repeats itself bit for bit, goes on where it was, and fails early and clearly."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from tests.vae_core.arrays import assert_same
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, DataError, TrainingError
from vae_core.measures.evaluation import evaluate
from vae_core.models.latent_model import LatentModel
from vae_core.training import learner
from vae_core.training.config import TrainConfig
from vae_core.training.learner import learning_rate_at
from vae_core.training.loop import train
from vae_core.training.presets import PRESETS, preset
from vae_core.training.progress import Progress

TINY = TrainConfig(dataset="digits", hidden=(6,), epochs=4, batch_size=16, seed=3)


def blobs(n: int = 40, seed: int = 0) -> ImageDataset:
    """Images 1 x 3 x 4 that vary along two directions more than along the others."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(9))).Q
    scales = torch.tensor([0.6, 0.5] + [0.08] * 10)
    x = 0.5 + (torch.randn(n, 12, generator=generator) * scales) @ axes.T
    images = (x.clamp(0, 1) * 255).round().to(torch.uint8).reshape(n, 1, 3, 4)
    return ImageDataset(name="digits", split="train", images=images)


DATA: dict[str, Any] = {"train_data": blobs(), "test_data": blobs(20, seed=1)}


def final_weights(config: TrainConfig, **options: Any) -> dict[str, torch.Tensor]:
    *_, last = train(config, **(DATA | options))
    assert last.done
    return last.model.state_dict()


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_the_same_seed_gives_the_same_weights(network: str) -> None:
    config = replace(TINY, network=network, hidden=(4, 6), epochs=2)
    torch.manual_seed(1)
    first = final_weights(config)
    torch.manual_seed(2)  # what others drew must not matter
    torch.rand(7)
    assert_same(first, final_weights(config))


def test_reports_do_not_change_what_is_learned() -> None:
    assert_same(final_weights(TINY, report_seconds=0), final_weights(TINY, report_seconds=1e9))


def test_another_seed_gives_other_weights() -> None:
    first, second = final_weights(TINY), final_weights(replace(TINY, seed=4))
    assert all(not torch.equal(first[name], second[name]) for name in first)


def test_the_global_random_numbers_are_left_alone() -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    final_weights(replace(TINY, threads=2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_an_abandoned_training_gives_the_threads_back() -> None:
    threads = torch.get_num_threads()
    training = train(replace(TINY, threads=threads + 1), **DATA)
    next(training)
    training.close()
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_a_resumed_run_reaches_the_weights_of_an_uninterrupted_one(
    epoch: int, schedule: str
) -> None:
    config = replace(TINY, schedule=schedule, samples=2)
    state = next(p.state() for p in train(config, **DATA) if p.epoch_ended and p.epoch == epoch)
    kept = {name: tensor.clone() for name, tensor in state.items()}
    resumed = final_weights(config, resume=state)
    assert_same(resumed, final_weights(config))
    assert_same(kept, state)


@pytest.mark.parametrize("epoch", [-1, TINY.epochs + 1, None])
def test_a_state_of_no_such_epoch_is_refused(epoch: int | None) -> None:
    *_, last = train(TINY, **DATA)
    state = last.state() | {"epoch": torch.tensor(epoch)} if epoch is not None else {}
    with pytest.raises(TrainingError, match="does not belong"):
        list(train(TINY, resume=state, **DATA))


def test_images_of_two_shapes_are_refused_at_once() -> None:
    other = replace(DATA["test_data"], images=torch.zeros(10, 1, 5, 5, dtype=torch.uint8))
    with pytest.raises(DataError, match=r"test images of \(1, 5, 5\)"):
        next(train(TINY, train_data=DATA["train_data"], test_data=other))


def test_a_finished_run_has_nothing_to_resume() -> None:
    *_, last = train(TINY, **DATA)
    assert list(train(TINY, resume=last.state(), **DATA)) == []


# More epochs, the best epoch, an early end. Its rate is so high that the loss goes up and down.
RESTLESS = replace(TINY, epochs=12, learning_rate=0.1, schedule="constant")


def held_out(config: TrainConfig) -> list[float]:
    """The held-out loss after each epoch."""
    return [p.test.loss for p in train(config, **DATA) if p.epoch_ended and p.test]


def test_the_model_kept_is_that_of_the_least_held_out_loss() -> None:
    losses = held_out(RESTLESS)
    best = int(np.argmin(losses)) + 1
    assert best < RESTLESS.epochs, "the last epoch is the best: nothing is tried"
    kept = final_weights(replace(RESTLESS, keep="best"))
    weights_then = next(
        {k: t.clone() for k, t in p.model.state_dict().items()}
        for p in train(RESTLESS, **DATA)
        if p.epoch_ended and p.epoch == best
    )
    assert_same(kept, weights_then)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_it_ends_when_patience_does(patience: int) -> None:
    losses = held_out(RESTLESS)
    end = next(
        epoch
        for epoch in range(1, RESTLESS.epochs + 1)
        if epoch == RESTLESS.epochs or epoch - 1 - np.argmin(losses[:epoch]) == patience
    )
    *_, last = train(replace(RESTLESS, patience=patience), **DATA)
    assert last.epoch == end and last.done and last.stalled == (end < RESTLESS.epochs)
    assert held_out(replace(RESTLESS, patience=patience)) == losses[:end]


def test_patience_ends_some_training_early() -> None:
    assert len(held_out(replace(RESTLESS, patience=1))) < RESTLESS.epochs


@pytest.mark.parametrize("epoch", [1, 3, 5, 8])
def test_best_patience_and_more_epochs_are_resumed_bit_for_bit(epoch: int) -> None:
    config = replace(RESTLESS, epochs=5, schedule="one-cycle", keep="best", patience=4)
    config = config.with_more_epochs(6, 5)
    states = {p.epoch: p.state() for p in train(config, **DATA) if p.epoch_ended}
    assert_same(final_weights(config, resume=states[epoch]), final_weights(config))
    assert list(train(config, resume=states[max(states)], **DATA)) == []


def test_epochs_that_are_added_go_on_from_the_end_in_a_cycle_of_their_own() -> None:
    *_, last = train(TINY, **DATA)
    longer = TINY.with_more_epochs(3, ended=4)
    assert (longer.epochs, longer.continued) == (7, ((4, 4),))
    assert [longer.cycle_at(epoch) for epoch in (0, 3, 4, 6)] == [(0, 4), (0, 4), (4, 7), (4, 7)]
    *_, end = train(longer, resume=last.state(), **DATA)
    assert end.epoch == 7 and end.done
    assert_same(end.model.state_dict(), final_weights(longer))
    assert not torch.equal(
        end.model.state_dict()["encoder.1.weight"],
        final_weights(replace(TINY, epochs=7))["encoder.1.weight"],
    )


def test_the_rate_of_added_epochs_rises_and_falls_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    descend = learner.descend
    monkeypatch.setattr(
        learner, "descend", lambda *args: (rates.append(args[2]), descend(*args))[1]
    )
    list(train(TINY, **DATA))
    alone = list(rates)
    rates.clear()
    list(train(TINY.with_more_epochs(4, 4).with_more_epochs(4, 8), **DATA))
    assert rates == alone * 3


def test_after_an_early_end_the_cycle_that_was_broken_off_stays_so() -> None:
    config = replace(TINY, epochs=8).with_more_epochs(2, ended=3)
    assert config.epochs == 5 and config.cycle_at(2) == (0, 8) and config.cycle_at(3) == (3, 5)
    first = {p.epoch: p.state() for p in train(replace(TINY, epochs=8), **DATA) if p.epoch_ended}
    assert_same(final_weights(config, resume=first[3]), final_weights(config))


def test_a_weight_that_had_risen_stays_so_over_added_epochs() -> None:
    config = replace(TINY, objective="warm-up", objective_settings={"rise": 0.5})
    reports = [p for p in train(config.with_more_epochs(2, 4), **DATA) if p.epoch_ended]
    betas = [p.test.parts["beta"] for p in reports if p.test]
    assert betas == pytest.approx([0.5, 1, 1, 1, 1, 1])


def test_epochs_while_a_weight_rises_are_not_compared() -> None:
    config = replace(TINY, objective="warm-up", objective_settings={"rise": 0.5}, keep="best")
    best = [p.best.epoch for p in train(config, **DATA) if p.epoch_ended and p.best]
    assert best[0] == 0 and best[1] == 2 and all(epoch >= 2 for epoch in best[1:])


def test_a_gan_has_no_best_epoch() -> None:
    for change in ({"keep": "best"}, {"patience": 2}):
        with pytest.raises(ConfigError, match="no best epoch"):
            TrainConfig(objective="gan", **change)


@pytest.mark.parametrize(
    "continued", [[[4, 4]], [[2, 1]], [[0, 4]], [[3, 4], [2, 4]], [[1]], [["1", 2]], 3, [[1, 2.5]]]
)
def test_cycles_that_cannot_be_are_refused(continued: Any) -> None:
    with pytest.raises(ConfigError):
        replace(TINY, continued=continued)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("epoch"),
        lambda state: state.pop("model.encoder.1.weight"),
        lambda state: state.update({"model.encoder.1.weight": torch.zeros(2, 2)}),
        lambda state: state.update({"model.extra": torch.zeros(2)}),
        lambda state: state.pop("optimizer.encoder.1.weight.exp_avg"),
        lambda state: state.update({"optimizer.encoder.1.weight.exp_avg": torch.zeros(2, 2)}),
    ],
)
def test_a_foreign_state_is_refused(change: Any) -> None:
    state = next(iter(train(TINY, report_seconds=1e9, **DATA))).state()
    change(state)
    with pytest.raises(TrainingError, match="does not belong"):
        list(train(TINY, resume=state, **DATA))


def test_progress_counts_steps_epochs_and_time() -> None:
    reports = list(train(TINY, report_seconds=0, **DATA))
    assert [p.step for p in reports] == list(range(1, 13))  # 3 steps an epoch
    assert {p.total_steps for p in reports} == {12}
    assert [p.epoch for p in reports] == [p.step // 3 for p in reports]
    assert [p.epoch_ended for p in reports] == [p.step % 3 == 0 for p in reports]
    assert [p.test is None for p in reports] == [p.step < 3 for p in reports]
    assert [p.done for p in reports] == [False] * 11 + [True]
    assert reports[-1].seconds_left == 0 and all(p.images_per_second > 0 for p in reports)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_reported_means_are_the_terms_of_the_loss(beta: float) -> None:
    for p in train(replace(TINY, beta=beta, epochs=2), **DATA):
        for means in filter(None, (p.train, p.test)):
            assert means.kl == pytest.approx(sum(means.kl_per_dim)) and means.kl >= 0
            assert means.loss == pytest.approx(beta * means.kl - means.reconstruction)
            assert means.elbo == pytest.approx(means.reconstruction - means.kl)
            assert means.cross_entropy == -means.reconstruction


def test_test_means_are_those_of_evaluate() -> None:
    config = replace(TINY, samples=16)
    *_, last = train(config, **DATA)
    metrics = evaluate(last.model, DATA["test_data"], samples=16)
    assert last.test is not None and metrics.kl is not None
    assert last.test.kl == pytest.approx(metrics.kl, rel=1e-5)
    assert last.test.reconstruction == pytest.approx(metrics.reconstruction, rel=0.02)


def test_training_lowers_the_loss_on_held_out_images() -> None:
    ends = [
        p.test.loss
        for p in train(replace(TINY, epochs=30, learning_rate=0.02), **DATA)
        if p.epoch_ended and p.test
    ]
    assert ends[-1] < ends[0]


# Failure


def test_a_loss_that_is_not_finite_ends_the_training_with_a_sentence() -> None:
    config = replace(
        TINY, learning_rate=10.0, schedule="constant", epochs=200, likelihood="gaussian", sigma=1e-4
    )
    with pytest.raises(
        TrainingError, match=r"not a finite number after step \d+; try a learning rate below 10"
    ):
        list(train(config, **DATA))


def test_no_report_ever_holds_a_figure_that_is_not_finite() -> None:
    def poisoned(progress: Progress) -> None:
        with torch.no_grad():
            next(progress.model.parameters()).fill_(math.nan)

    reports = iter(train(TINY, report_seconds=0, **DATA))
    poisoned(next(reports))
    with pytest.raises(TrainingError, match="after step 2"):
        next(reports)


def test_weights_lost_in_the_last_step_fail_the_run() -> None:
    """The loss of that step was still finite; only the test images show it."""
    config = replace(TINY, epochs=1, batch_size=40)

    class Breaking(torch.optim.Adam):
        def step(self, closure: Any = None) -> None:
            with torch.no_grad():
                self.param_groups[0]["params"][0].fill_(math.nan)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(TrainingError, match="not a finite"):
        patch.setattr(torch.optim, "Adam", Breaking)
        list(train(config, **DATA))


def test_given_images_may_have_any_name() -> None:
    pixels = torch.randint(0, 256, (32, 1, 4, 4), dtype=torch.uint8)
    mine = ImageDataset("my plankton", "train", pixels)
    config = replace(TINY, dataset="my plankton", epochs=1)
    *_, last = train(config, train_data=mine, test_data=mine)
    assert last.done
    with pytest.raises(ConfigError, match=r"my plankton.*give both train_data and test_data"):
        next(train(config, train_data=mine))
    assert TrainConfig.from_json(config.to_json()) == config


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"batch_size=41.*only 40"):
        next(iter(train(replace(TINY, batch_size=41), **DATA)))


NOT_WHOLE = (-1, 1.5, "3", None, True, math.nan, [1], 10**12)
OUT_OF_RANGE: list[tuple[str, Any]] = [
    *(("samples", v) for v in (0, 65, *NOT_WHOLE)),
    *(("epochs", v) for v in (0, 10_001, *NOT_WHOLE)),
    *(("batch_size", v) for v in (0, *NOT_WHOLE)),
    *(("seed", v) for v in NOT_WHOLE),
    *(("threads", v) for v in (0, 257, *NOT_WHOLE)),
    *(("latent_dim", v) for v in (0, 513, *NOT_WHOLE)),
    *(("beta", v) for v in (-0.1, 1001.0, math.nan, math.inf, "1", None, True)),
    *(("learning_rate", v) for v in (0.0, -1e-3, 11.0, math.nan, math.inf, "1", None, True)),
    *(("sigma", v) for v in (0.0, -1.0, 101.0, math.nan, math.inf, "1", None, True)),
    *(("hidden", v) for v in ((0,), (-3,), (8193,), (5,) * 17, (2.0,), "512", 512, None)),
    *(("patience", v) for v in (10_001, *NOT_WHOLE)),
    *(("keep", v) for v in ("", "first", None, 3, [])),
    *(("dataset", v) for v in ("", " ", None, 3, [])),
    *(("network", v) for v in ("", "resnet", None, 3, [])),
    *(("activation", v) for v in ("", "swish", None, 3, [])),
    *(("likelihood", v) for v in ("", "poisson", None, 3, [])),
    *(("objective", v) for v in ("", "diffusion", None, 3, [])),
    *(("schedule", v) for v in ("", "cosine", None, 3, [])),
    *(("device", v) for v in ("", "abacus", None, 3, [])),
]


@pytest.mark.parametrize(("field", "value"), OUT_OF_RANGE)
def test_a_setting_out_of_its_range_is_named(field: str, value: Any) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(TINY, **{field: value})
    sentence = str(refusal.value)
    assert str(value)[:4] in sentence and "\n" not in sentence


def test_a_link_that_is_unknown_is_named() -> None:
    with pytest.raises(ConfigError, match="probit"):
        replace(TINY, likelihood="gaussian", link="probit")


def test_a_conv_network_without_channels_is_refused_when_made() -> None:
    with pytest.raises(ConfigError, match="hidden has 1 entries"):
        replace(TINY, network="conv", hidden=(64,))


def test_beta_means_nothing_to_a_plain_autoencoder() -> None:
    with pytest.raises(ConfigError, match="beta=2"):
        replace(TINY, objective="autoencoder", beta=2.0)


@pytest.mark.parametrize("device", ["meta", "cuda:99"])
def test_a_device_that_is_not_here_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match=f"device={device} cannot be used"):
        next(iter(train(replace(TINY, device=device), **DATA)))


def test_settings_survive_json_and_unknown_ones_are_refused() -> None:
    for config in [TINY, *PRESETS.values()]:
        assert TrainConfig.from_json(config.to_json()) == config
    with pytest.raises(ConfigError, match="'gamma'"):
        TrainConfig.from_json({"gamma": 1})
    with pytest.raises(ConfigError, match="'huge'"):
        preset("huge")


def test_the_promised_presets_are_there() -> None:
    assert {"digits-2d", "mnist-2d", "pytorch-example"} <= PRESETS.keys()
    example = preset("pytorch-example")
    assert (example.hidden, example.latent_dim, example.activation) == ((400,), 20, "relu")
    assert (example.batch_size, example.learning_rate, example.epochs) == (128, 1e-3, 10)


# The learning rate


def test_the_one_cycle_is_that_of_torch() -> None:
    total, peak = 4000, 3e-3
    config = replace(TINY, learning_rate=peak)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, total, pct_start=0.3, anneal_strategy="cos", div_factor=25,
        final_div_factor=1e4,
    )  # fmt: skip
    for step in range(total):
        assert learning_rate_at(config, step / (total - 1)) == pytest.approx(
            optimizer.param_groups[0]["lr"], abs=2e-3 * peak
        )
        optimizer.step()
        if step < total - 1:
            oracle.step()


def test_a_constant_schedule_stays() -> None:
    config = replace(TINY, schedule="constant")
    rates = {learning_rate_at(config, f / 7) for f in range(8)}
    assert rates == {config.learning_rate}


# Closed forms: a linear model is (probabilistic) principal component analysis

LINEAR = TrainConfig(
    dataset="digits", hidden=(), likelihood="gaussian", link="identity", latent_dim=2,
    batch_size=20, epochs=100, learning_rate=0.15,
)  # fmt: skip
MANY = blobs(200)
PIXELS = MANY.floats().flatten(1).double().numpy()
PPCA = PCA(n_components=2).fit(PIXELS)


def trained(config: TrainConfig) -> LatentModel:
    *_, last = train(config, train_data=MANY, test_data=blobs(20, seed=1), report_seconds=1e9)
    return last.model


def test_a_linear_autoencoder_is_pca() -> None:
    model = trained(replace(LINEAR, objective="autoencoder"))
    mu, _ = model.encode(MANY.floats())
    rebuilt = model.decode_parameters(mu).flatten(1).detach().numpy()
    optimum = np.square(PIXELS - PPCA.inverse_transform(PPCA.transform(PIXELS))).sum()
    assert optimum * 0.9999 <= np.square(PIXELS - rebuilt).sum() <= optimum * 1.01

    directions = np.linalg.qr(model.decoder[0].weight.detach().numpy()).Q  # (pixels, 2)
    cosines = np.linalg.svd(PPCA.components_ @ directions).S
    assert cosines.min() > 0.999


def test_a_linear_vae_reaches_the_likelihood_of_probabilistic_pca() -> None:
    """Tipping & Bishop 1999; a linear VAE has no other optimum (Lucas et al. 2019)."""
    variance = PPCA.noise_variance_
    model = trained(replace(LINEAR, sigma=math.sqrt(variance)))
    weight, bias = (p.detach().double().numpy() for p in model.decoder.parameters())
    marginal = multivariate_normal(bias, weight @ weight.T + variance * np.eye(12))
    optimum = PPCA.score(PIXELS)
    assert optimum - 0.3 < marginal.logpdf(PIXELS).mean() <= optimum + 1e-3
    elbo = evaluate(model, MANY, samples=20).elbo
    assert elbo is not None
    assert optimum - 0.4 < elbo < optimum + 0.05


def test_a_class_that_is_left_out_is_not_learned() -> None:
    labels = torch.arange(40) % 3
    data = replace(DATA["train_data"], labels=labels, class_names=("a", "b", "c"))
    without = replace(data, images=data.images[labels != 1], labels=labels[labels != 1])
    config = replace(TINY, epochs=2)
    left_out = final_weights(replace(config, left_out=1), train_data=data)
    assert_same(left_out, final_weights(config, train_data=without))
    for none in (DATA["train_data"], replace(data, labels=torch.zeros(40, dtype=torch.int64))):
        with pytest.raises(DataError, match=r"left out"):
            final_weights(replace(config, left_out=0), train_data=none)
    with pytest.raises(DataError, match="class 3 cannot be left out of 3"):
        final_weights(replace(config, left_out=3), train_data=data)
    with pytest.raises(ConfigError, match="M2 is told of every class"):
        replace(TINY, objective="m2", left_out=1)


def test_one_test_image_is_refused_before_anything_is_learned() -> None:
    with pytest.raises(DataError, match="one test image"):
        next(train(TINY, train_data=blobs(40), test_data=blobs(1, seed=1)))
