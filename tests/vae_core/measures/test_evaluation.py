"""Figures of a model: their errors, their consistency, and constructed cases."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
import torch

import vae_core.measures.evaluation
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.data.binarisation import binarised
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import encode_dataset
from vae_core.measures.codes.accuracy import classify_codes
from vae_core.measures.codes.disentanglement import disentanglement_scores
from vae_core.measures.codes.few_labels import label_errors, label_spreading
from vae_core.measures.codes.label_curves import LabelCurves
from vae_core.measures.evaluation import evaluate
from vae_core.measures.likelihood.elbo_surgery import split_kl
from vae_core.measures.likelihood.importance import importance_log_likelihood
from vae_core.measures.likelihood.quadrature import exact_log_likelihood
from vae_core.measures.metrics import Metrics
from vae_core.models.config import ModelConfig
from vae_core.models.gan import GAN
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import likelihood_names
from vae_core.objectives.gan import told_apart
from vae_core.objectives.terms import elbo_terms

CONFIG = ModelConfig((1, 4, 3), latent_dim=3, hidden=(6,))


def dataset(n: int = 30, levels: int = 256, seed: int = 0) -> ImageDataset:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, levels, (n, 1, 4, 3), generator=generator)
    return ImageDataset("noise", "test", (images * (255 // (levels - 1))).to(torch.uint8))


@pytest.fixture
def model() -> LatentModel:
    torch.manual_seed(0)
    return build_model(CONFIG)


def test_the_elbo_is_reconstruction_minus_kl(model: LatentModel) -> None:
    m = evaluate(model, dataset(), samples=3)
    assert m.kl is not None and m.kl_per_dim is not None
    assert m.elbo == pytest.approx(m.reconstruction - m.kl)
    assert m.kl == pytest.approx(sum(m.kl_per_dim)) and m.kl >= 0
    assert len(m.kl_per_dim) == 3
    kl = elbo_terms(model, dataset().floats(), generator=torch.Generator()).kl.detach()
    assert m.kl_per_dim_se == pytest.approx(scipy.stats.sem(kl.numpy()).tolist(), rel=1e-4)
    assert m.active_units_se is not None and m.active_units_se >= 0
    assert (m.images, m.samples, m.dataset, m.split) == (30, 3, "noise", "test")


def test_standard_errors_are_those_of_scipy(model: LatentModel) -> None:
    data = dataset()
    terms = elbo_terms(model, data.floats(), generator=torch.Generator().manual_seed(5))
    m = evaluate(model, data, seed=5)
    kl = terms.kl.sum(1)
    for mean, error, values in (
        (m.reconstruction, m.reconstruction_se, terms.reconstruction),
        (m.kl, m.kl_se, kl),
        (m.elbo, m.elbo_se, terms.reconstruction - kl),
    ):
        assert mean == pytest.approx(values.mean().item(), rel=1e-5)
        assert error == pytest.approx(scipy.stats.sem(values.detach().numpy()), rel=1e-4)


def test_log_px_lies_above_the_elbo_and_rises_with_k(model: LatentModel) -> None:
    few, many = (evaluate(model, dataset(300), importance_samples=k) for k in (1, 500))
    assert (few.importance_samples, many.importance_samples) == (1, 500)
    assert few.log_px is not None and many.log_px is not None and many.elbo is not None
    assert many.log_px > few.log_px and many.log_px > many.elbo
    assert evaluate(model, dataset()).log_px is None


def test_evaluation_is_repeatable_and_leaves_the_model_as_it_was(model: LatentModel) -> None:
    model.train()
    state = torch.random.get_rng_state()
    first = evaluate(model, dataset(), importance_samples=4, seed=7)
    assert first == evaluate(model, dataset(), importance_samples=4, seed=7)
    assert first.reconstruction != evaluate(model, dataset(), seed=8).reconstruction
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), state)


def test_figures_do_not_depend_on_how_images_are_batched(model: LatentModel) -> None:
    many, few = dataset(1203, seed=1), dataset(1203, seed=1)
    few = replace(few, images=few.images[1000:])
    m = evaluate(model, many)
    kl_of_all = elbo_terms(model, many.floats(), generator=torch.Generator()).kl.sum(1)
    assert m.kl == pytest.approx(kl_of_all.mean().item(), rel=1e-5)
    assert evaluate(model, few).kl == pytest.approx(kl_of_all[1000:].mean().item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["vae", "autoencoder"])
@pytest.mark.parametrize("likelihood", likelihood_names())
def test_metrics_are_finite_json(kind: str, likelihood: str) -> None:
    model = build_model(replace(CONFIG, kind=kind, likelihood=likelihood))
    m = evaluate(model, dataset(), importance_samples=3)
    document = json.loads(json.dumps(m.to_json(), allow_nan=False))
    assert Metrics(**document) == m
    if kind == "autoencoder":
        assert m.kl is m.elbo is m.log_px is m.kl_per_dim is None
        assert m.samples == m.importance_samples == 0


@pytest.mark.parametrize(
    ("likelihood", "levels", "grey"),
    [("bernoulli", 256, True), ("bernoulli", 2, False), ("gaussian", 256, False)],
)
def test_grey_pixels_under_a_bernoulli_are_said_to_be_no_likelihood(
    likelihood: str, levels: int, grey: bool
) -> None:
    model = build_model(replace(CONFIG, likelihood=likelihood))
    assert evaluate(model, dataset(levels=levels)).grey_cross_entropy is grey


def test_binarised_pixels_make_a_bernoulli_a_likelihood(model: LatentModel) -> None:
    grey, fixed = dataset(), binarised(dataset())
    assert evaluate(model, grey).grey_cross_entropy
    static = evaluate(model, grey, binarisation="static", importance_samples=5, seed=3)
    assert not static.grey_cross_entropy and static.binarisation == "static"
    assert static == replace(
        evaluate(model, fixed, importance_samples=5, seed=3), binarisation="static"
    )
    dynamic = evaluate(model, grey, binarisation="dynamic", seed=3)
    assert not dynamic.grey_cross_entropy
    drawn = binarised(grey, 3)  # the same for every figure, however many draws of z there are
    assert dynamic == replace(evaluate(model, drawn, seed=3), binarisation="dynamic")
    other = evaluate(model, grey, binarisation="dynamic", seed=4)
    assert dynamic.reconstruction != other.reconstruction
    with pytest.raises(ConfigError, match="Unknown binarisation 'halftone'"):
        evaluate(model, grey, binarisation="halftone")


def with_codes(scales: list[float]) -> LatentModel:
    """A linear encoder whose mu_j is scales[j] times the brightness of the first pixel."""
    model = build_model(replace(CONFIG, hidden=()))
    with torch.no_grad():
        linear = model.encoder[1]
        linear.weight.zero_()
        linear.bias.zero_()
        linear.weight[:3, 0] = torch.tensor(scales)
    return model


@pytest.mark.parametrize(
    ("scales", "active"),
    [
        ([0.0, 0.0, 0.0], 0),  # the constant code
        ([5.0, 0.0, 0.0], 1),
        ([5.0, -5.0, 5.0], 3),  # a duplicated code counts each time
        ([0.11, 0.33, 0.45], 1),  # variances 0.001, 0.009, 0.017 of a pixel's 0.083
    ],
)
def test_active_units_are_the_codes_that_vary(scales: list[float], active: int) -> None:
    assert evaluate(with_codes(scales), dataset(2000)).active_units == active


def test_the_kl_of_a_collapsed_model_is_zero() -> None:
    m = evaluate(with_codes([0.0, 0.0, 0.0]), dataset())
    assert m.kl == m.kl_se == 0 and m.kl_per_dim == [0.0, 0.0, 0.0]
    assert m.elbo == m.reconstruction


def test_images_of_another_shape_are_refused(model: LatentModel) -> None:
    other = ImageDataset("other", "test", torch.zeros(3, 3, 4, 3, dtype=torch.uint8))
    with pytest.raises(DataError, match=r"\(1, 4, 3\), but other has \(3, 4, 3\)"):
        evaluate(model, other)


def test_one_image_is_too_few(model: LatentModel) -> None:
    with pytest.raises(DataError, match="has 1 images"):
        evaluate(model, dataset(1))


@pytest.mark.parametrize(
    "draws", [{"samples": 0}, {"samples": 10**9}, {"importance_samples": -1},
              {"importance_samples": 10**9}]
)  # fmt: skip
def test_an_absurd_number_of_draws_is_refused(model: LatentModel, draws: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(draws.values())))):
        evaluate(model, dataset(), **draws)


def test_weights_that_overflow_are_refused(model: LatentModel) -> None:
    with torch.no_grad():
        model.encoder[1].weight.fill_(1e38)
    with pytest.raises(DataError, match="no finite figures on noise"):
        evaluate(model, dataset())


# What is asked for beside the ELBO


def factored(n: int = 60, seed: int = 0) -> ImageDataset:
    data = dataset(n, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randint(0, 3, (n, 2), generator=generator)
    return replace(
        data,
        labels=factors[:, 0],
        class_names=("a", "b", "c"),
        factors=factors.float(),
        factor_names=("shape", "size"),
    )


@pytest.mark.parametrize("binarisation", ["none", "dynamic"])
def test_each_further_figure_is_that_of_its_own_module(
    binarisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = partial(disentanglement_scores, classifier="forest")  # boosting takes seconds
    monkeypatch.setattr(vae_core.measures.evaluation, "disentanglement_scores", scores)
    torch.manual_seed(0)
    model = build_model(replace(CONFIG, latent_dim=2)).eval()
    test, train = factored(), factored(seed=1)
    scored = binarisation == "none"  # seconds
    m = evaluate(
        model, test, binarisation=binarisation, exact_images=5, codes=train,
        importance_samples=3, disentanglement=scored, seed=0,
    )  # fmt: skip
    if binarisation != "none":  # both are drawn by the seed 0 here
        test, train = binarised(test), binarised(train)
    latents = encode_dataset(model, test)
    rows = torch.randperm(60, generator=torch.Generator().manual_seed(0))[:5]
    exact = exact_log_likelihood(model, test.floats(rows))
    assert m.exact_log_px == pytest.approx(exact.mean().item()) and m.exact_images == 5
    assert m.exact_log_px_se == pytest.approx(scipy.stats.sem(exact.numpy()))
    generator = torch.Generator().manual_seed(0)
    elbo = elbo_terms(model, test.floats(), generator=generator).elbo
    sampled = importance_log_likelihood(model, test.floats(), samples=3, generator=generator)
    for mean, error, above in (
        (m.exact_over_elbo, m.exact_over_elbo_se, exact - elbo[rows]),
        (m.exact_over_log_px, m.exact_over_log_px_se, exact - sampled[rows]),
    ):
        assert mean == pytest.approx(above.mean().item(), abs=1e-5)
        assert error == pytest.approx(scipy.stats.sem(above.detach().numpy()), abs=1e-5)
    assert m.aggregate == split_kl(latents).to_json()
    assert m.codes == classify_codes(model, train, test).to_json()
    assert m.disentanglement == (scores(latents).to_json() if scored else None)
    json.dumps(m.to_json(), allow_nan=False)


def test_labels_are_not_for_images_without_classes(model: LatentModel) -> None:
    with pytest.raises(DataError, match="noise has no classes"):
        evaluate(model, dataset(), codes=dataset(seed=1), labels=5)


def test_the_error_with_few_labels_is_that_of_its_own_module() -> None:
    model, test, train = build_model(CONFIG), factored(), factored(seed=1)
    m = evaluate(model, test, codes=train, labels=9)
    codes, test_codes = (encode_dataset(model, data).mu for data in (train, test))
    assert train.labels is not None
    classify = label_spreading(codes, train.labels, test_codes)
    oracle = label_errors(classify, train.labels, test.labels, labels=9)
    assert m.few_labels == {
        "labels": 9, "draws": 10, "seed": 0,
        "error": oracle.mean, "error_se": oracle.standard_error,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="labels=9"):
        evaluate(model, test, labels=9)


def test_m2_is_judged_by_its_own_classifier() -> None:
    model, data = build_model(replace(CONFIG, kind="m2", classes=3)), factored()
    told = model.class_log_probs(data.floats()).argmax(1)
    assert evaluate(model, data).class_error == pytest.approx((told != data.labels).float().mean())
    assert evaluate(build_model(CONFIG), data).class_error is None


def test_nothing_further_is_told_unasked(model: LatentModel) -> None:
    m = evaluate(model, factored())
    assert m.exact_log_px is m.aggregate is m.codes is m.disentanglement is None
    assert m.exact_images == 0


def test_a_plain_autoencoder_has_codes_but_no_kl_to_split() -> None:
    model = build_model(replace(CONFIG, kind="autoencoder"))
    m = evaluate(model, factored(), codes=factored(seed=1))
    assert m.aggregate is None and m.codes is not None


def test_without_labels_no_class_is_read_off() -> None:
    m = evaluate(build_model(CONFIG), dataset(), codes=dataset(seed=1))
    assert m.codes is None and m.aggregate is not None


def test_one_exact_image_has_no_error(model: LatentModel) -> None:
    for images in (1, -3):
        with pytest.raises(ConfigError, match=f"exact_images={images}"):
            evaluate(model, dataset(), exact_images=images)


def labelled(n: int, seed: int, classes: int = 2) -> ImageDataset:
    names = tuple("abc"[:classes])
    return replace(dataset(n, seed=seed), labels=torch.arange(n) % classes, class_names=names)


def test_static_pixels_are_the_same_of_those_learned_from_whatever_the_seed(
    model: LatentModel,
) -> None:
    learned, tested = labelled(60, seed=1), labelled(50, seed=2)
    found = evaluate(model, tested, binarisation="static", codes=learned, seed=3).codes
    oracle = classify_codes(model, binarised(learned), binarised(tested), seed=3)
    assert found == oracle.to_json()


def test_codes_of_one_class_are_taken_apart_and_not_classified(model: LatentModel) -> None:
    m = evaluate(model, labelled(30, 1, classes=1), codes=labelled(30, 2, classes=1))
    assert m.codes is None and m.aggregate is not None


def test_the_error_of_a_discriminator_is_that_of_real_and_generated_each() -> None:
    torch.manual_seed(3)
    model = build_model(replace(CONFIG, kind="gan", likelihood="bernoulli"))
    assert isinstance(model, GAN)
    with torch.no_grad():
        model.discriminator[-1].bias[0] += 1  # takes nearly all for real
    data = dataset(200)
    m = evaluate(model, data, seed=4)
    z = model.sample_prior(200, torch.Generator().manual_seed(4))
    real, generated = told_apart(model, data.floats(), z).double().chunk(2)
    assert real.mean() - generated.mean() > 0.3
    assert m.discriminator_accuracy == pytest.approx(float(real.mean() + generated.mean()) / 2)
    error = float((real.var() + generated.var()).sqrt()) / 2 / 200**0.5
    assert m.discriminator_accuracy_se == pytest.approx(error, rel=0.1)


def test_label_curves_of_a_shipped_model_are_measured_as_they_are_shipped() -> None:
    shipped = Path(__file__).parents[3] / "checkpoints" / "digits-2d"
    model, dataset = load_checkpoint(shipped), load_dataset("digits", "test")
    found = LabelCurves.from_json(evaluate(model, dataset, label_draws=3).label_curves)
    stored = LabelCurves.from_json((read_metrics(shipped) or {})["label_curves"])
    assert (found.labels, found.images) == (stored.labels, stored.images)
    for line, errors in found.by_line.items():
        means = [each.mean for each in stored.by_line[line]]
        assert [each.mean for each in errors] == pytest.approx(means, abs=0.03), line


def test_images_without_classes_have_no_label_curves() -> None:
    shipped = Path(__file__).parents[3] / "checkpoints" / "digits-2d"
    dataset = replace(load_dataset("digits", "test"), labels=None)
    assert evaluate(load_checkpoint(shipped), dataset, label_draws=1).label_curves is None
