"""How good a model is: means per image over a data set, in nats, each with its standard error.

`evaluate` gives the ELBO and its terms, and what else it is asked for: log p(x) by sampling and by
quadrature, what the KL is made of, what can be read off the codes, whether they are disentangled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vae_core.data.binarisation import as_seen, checked_binarisation
from vae_core.data.image_dataset import ImageDataset, check_is_dataset
from vae_core.data.rows import draw_rows
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import (
    Latents,
    active_dimensions,
    active_units_error,
    check_image_shape,
    encode_dataset,
)
from vae_core.measures import coding, holes  # noqa: F401 — each registers its measure
from vae_core.measures.codes import unsupervised  # noqa: F401 — registers its measure
from vae_core.measures.codes.accuracy import classify_codes
from vae_core.measures.codes.disentanglement import disentanglement_scores
from vae_core.measures.codes.few_labels import few_label_error
from vae_core.measures.codes.label_curves import measured_curves
from vae_core.measures.likelihood.elbo_surgery import split_kl
from vae_core.measures.likelihood.estimates import mean_and_error
from vae_core.measures.likelihood.importance import importance_estimates
from vae_core.measures.likelihood.quadrature import exact_log_likelihood
from vae_core.measures.likelihood.reliability import (
    FEW_DRAWS,
    LEAST_DRAWS,
    MISSED,
    largest_reliable_k,
)
from vae_core.measures.metrics import Metrics, means_and_errors
from vae_core.measures.registry import find_measure, measured
from vae_core.models.gan import GAN
from vae_core.models.latent_model import LatentModel
from vae_core.models.m2 import M2
from vae_core.objectives.gan import told_apart
from vae_core.objectives.terms import autoencoder_terms, elbo_terms

BATCH = 500
MAX_SAMPLES = 10_000
MOST_PIXELS = 1 << 28  # that are classified as they are


@torch.no_grad()
def evaluate(
    model: LatentModel,
    dataset: ImageDataset,
    *,
    samples: int = 1,
    importance_samples: int = 0,
    binarisation: str = "none",
    exact_images: int = 0,
    codes: ImageDataset | None = None,
    labels: int = 0,
    label_draws: int = 0,
    disentanglement: bool = False,
    measures: Sequence[str] = (),
    seed: int = 0,
    on_progress: Callable[[float], object] = lambda share: None,
) -> Metrics:
    """Evaluate on every image of `dataset`, on the model's device, with draws seeded by `seed`.

    samples: draws of z per image for the reconstruction term (L); importance_samples: draws for
    log_px (K), none by default; binarisation: "dynamic" draws each pixel by `seed`, "static" as
    `binarised(dataset)` always does; exact_images: how many are drawn for exact_log_px, of a VAE
    with d <= 2; codes: the training images, by whose codes those of `dataset` are classified where
    there are labels, and with it what the KL is made of, if the prior is N(0, I); labels: how
    many of the training images `codes` are labelled for few_labels, which then are all needed;
    label_draws: draws of the labels for label_curves, where `dataset` has classes, none by default;
    disentanglement: where factors are known; measures: names of registered ones, see `registry`;
    on_progress is told the share of the images whose likelihood is known, before the rest begins.
    DataError when images and model do not fit or the figures overflow; ConfigError when a setting
    is out of range.
    """
    _check_settings(samples, importance_samples, exact_images, labels, codes is not None)
    checked_binarisation(binarisation)
    _check_images(model, dataset, codes, disentanglement)
    for name in measures:
        find_measure(name)
    grey = binarisation == "none" and _is_grey(dataset)
    dataset = as_seen(dataset, binarisation, seed)  # the same pixels for every figure
    if isinstance(model, GAN):
        return _judged(model, dataset, binarisation, seed)
    of_image = _of_images(model, dataset, samples, importance_samples, seed, on_progress)
    exact = _exact(model, dataset, exact_images, seed, of_image) if exact_images else {}
    further: dict[str, Any] = {}
    if codes is not None or disentanglement or measures or label_draws:
        latents = encode_dataset(model, dataset)
        if codes is not None:
            codes = as_seen(codes, binarisation, seed)
            further |= _of_codes(model, latents, dataset, codes, labels, seed)
        further |= _of_latents(latents, dataset, label_draws, disentanglement, seed)
        if measures:
            further["measured"] = {
                name: measured(name, model, dataset, latents) for name in measures
            }
    variational = model.is_variational
    kl_per_dim, kl_per_dim_se = mean_and_error(of_image["kl"])
    return Metrics(
        dataset=dataset.name,
        split=dataset.split,
        images=len(dataset),
        samples=samples if variational else 0,
        seed=seed,
        grey_cross_entropy=grey and not model.likelihood.is_density_of_grey,
        **means_and_errors(
            reconstruction=of_image["reconstruction"],
            kl=of_image["kl"].sum(1) if variational else None,
            elbo=of_image["elbo"] if variational else None,
            log_px=of_image.get("log_px"),
            effective_draws=of_image.get("effective_draws"),
            class_error=of_image.get("wrong"),
        ),
        kl_per_dim=kl_per_dim.tolist() if variational else None,
        kl_per_dim_se=kl_per_dim_se.tolist() if variational else None,
        active_units=int(active_dimensions(of_image["mu"]).sum()),
        active_units_se=active_units_error(of_image["mu"]),
        importance_samples=importance_samples if "log_px" in of_image else 0,
        **_tails(of_image, importance_samples),
        binarisation=binarisation,
        **exact,
        **further,
    )


def _check_settings(
    samples: int, importance_samples: int, exact_images: int, labels: int, codes: bool
) -> None:
    """ConfigError for numbers of `evaluate` that are out of range, or clash."""
    whole = all(isinstance(n, int) for n in (samples, importance_samples, exact_images, labels))
    if not (whole and 1 <= samples <= MAX_SAMPLES and 0 <= importance_samples <= MAX_SAMPLES):
        raise ConfigError(
            f"samples={samples} and importance_samples={importance_samples}: give whole numbers, "
            f"{MAX_SAMPLES:,} at most, and 1 sample at least."
        )
    if exact_images < 0 or exact_images == 1:
        raise ConfigError(f"exact_images={exact_images}: a mean with its error needs two images.")
    if labels and not codes:
        raise ConfigError(f"labels={labels} are of the training images; give them as codes.")


def _check_images(
    model: LatentModel, dataset: ImageDataset, codes: ImageDataset | None, disentanglement: bool
) -> None:
    """DataError for images on which `evaluate` cannot say what it is asked for."""
    check_image_shape(model, dataset)
    if codes is not None:
        check_is_dataset(codes, "codes")
    if len(dataset) < 2:
        raise DataError(f"{dataset.name} has {len(dataset)} images; an evaluation needs two.")
    if disentanglement and dataset.factors is None:
        raise DataError(f"{dataset.name} has no known factors; leave disentanglement out.")


def _of_images(
    model: LatentModel,
    dataset: ImageDataset,
    samples: int,
    importance_samples: int,
    seed: int,
    on_progress: Callable[[float], object],
) -> dict[str, Tensor]:
    """reconstruction, elbo (n,), kl, mu (n, d); `ImportanceEstimates`, wrong (n,) where asked for.

    All float64. DataError where the ELBO is not finite.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    terms_of = elbo_terms if model.is_variational else autoencoder_terms
    found: dict[str, list[Tensor]] = defaultdict(list)
    was_training = model.training
    model.eval()
    for batch in torch.arange(len(dataset)).split(BATCH):
        x = dataset.floats(batch).to(device)
        terms = terms_of(model, x, generator=generator, samples=samples)
        found["reconstruction"].append(terms.reconstruction)
        found["kl"].append(terms.kl)
        found["mu"].append(model.encode(x)[0])
        if importance_samples and model.is_variational:
            estimates = importance_estimates(
                model, x, samples=importance_samples, generator=generator
            )
            for name, values in vars(estimates).items():
                found[name].append(values)
        if isinstance(model, M2) and dataset.labels is not None:
            told = model.class_log_probs(x).argmax(1).cpu()
            found["wrong"].append(told != dataset.labels[batch])
        on_progress((int(batch[-1]) + 1) / len(dataset))
    model.train(was_training)
    of_image = {name: torch.cat(parts).cpu().double() for name, parts in found.items()}
    of_image["elbo"] = of_image["reconstruction"] - of_image["kl"].sum(1)
    if not bool(torch.isfinite(of_image["elbo"]).all()):
        raise DataError(
            f"The model gives no finite figures on {dataset.name}; its weights are bad."
        )
    return of_image


def _tails(of_image: Mapping[str, Tensor], draws: int) -> dict[str, Any]:
    """The median k-hat, and the share of the images whose weights are not to be relied upon."""
    if "pareto_k" not in of_image:
        return {}
    if draws < LEAST_DRAWS:
        few = of_image["effective_draws"] < FEW_DRAWS
        return means_and_errors(unreliable=few.double())
    k = of_image["pareto_k"].nan_to_num(0.0)  # weights all alike: nothing is to be feared of them
    return {
        "pareto_k": float(k.median()),
        **means_and_errors(unreliable=(k > largest_reliable_k(draws)).double()),
    }


def _of_latents(
    latents: Latents, dataset: ImageDataset, label_draws: int, disentanglement: bool, seed: int
) -> dict[str, Any]:
    """label_curves where there are classes, disentanglement: what is asked for of the two."""
    found = {}
    if label_draws and dataset.labels is not None:
        images = dataset.floats() if dataset.images.numel() <= MOST_PIXELS else None
        found["label_curves"] = measured_curves(latents, images, draws=label_draws).to_json()
    if disentanglement:
        found["disentanglement"] = disentanglement_scores(latents, seed=seed).to_json()
    return found


def _of_codes(
    model: LatentModel,
    latents: Latents,
    dataset: ImageDataset,
    learned: ImageDataset,
    labels: int,
    seed: int,
) -> dict[str, Any]:
    """What the latents of a data set are worth, by the images that the model learned from."""
    found = {}
    if model.is_variational and model.config.prior == "normal":
        found["aggregate"] = split_kl(latents, seed=seed).to_json()
    several = learned.labels is not None and bool((learned.labels != learned.labels[0]).any())
    if labels and not (several and dataset.labels is not None):
        raise DataError(f"{dataset.name} has no classes to be told by {labels} labels.")
    if several and dataset.labels is not None:
        found["codes"] = classify_codes(model, learned, dataset, seed=seed).to_json()
        if labels:
            error = few_label_error(
                encode_dataset(model, learned), latents, labels=labels, seed=seed
            )
            found["few_labels"] = error.to_json()
    return found


def _judged(model: GAN, dataset: ImageDataset, binarisation: str, seed: int) -> Metrics:
    """The figures of a GAN on images made ready by `binarisation`."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    rightly = []
    for batch in torch.arange(len(dataset)).split(BATCH):
        z = model.sample_prior(len(batch), generator)
        told = told_apart(model, dataset.floats(batch).to(device), z).cpu().double()
        rightly.append(told.view(2, -1).T)  # of a real image, of a generated one
    return Metrics(
        dataset=dataset.name,
        split=dataset.split,
        images=len(dataset),
        samples=0,
        seed=seed,
        grey_cross_entropy=False,
        binarisation=binarisation,
        **means_and_errors(discriminator_accuracy=torch.cat(rightly).mean(1)),
    )


def _exact(
    model: LatentModel,
    dataset: ImageDataset,
    images: int,
    seed: int,
    of_image: Mapping[str, Tensor],
) -> dict[str, Any]:
    """log p(x) of so many images, drawn by `seed`, and how far it lies above what bounds it."""
    rows = draw_rows(len(dataset), images, seed)
    x = dataset.floats(rows).to(next(model.parameters()).device)
    exact = exact_log_likelihood(model, x).cpu()
    log_px = of_image.get("log_px")
    return {
        "exact_images": len(exact),
        **means_and_errors(
            exact_log_px=exact,
            exact_over_elbo=exact - of_image["elbo"][rows],
            exact_over_log_px=None if log_px is None else exact - log_px[rows],
            missed=None if log_px is None else (exact - log_px[rows] > MISSED).double(),
        ),
    }


def _is_grey(dataset: ImageDataset) -> bool:
    return any(bool(((part > 0) & (part < 255)).any()) for part in dataset.images.split(BATCH))
