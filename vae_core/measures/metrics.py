"""The figures of a model on a set of images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from vae_core.measures.likelihood.estimates import mean_and_error


@dataclass(frozen=True)
class Metrics:
    """Means per image in nats with standard errors `*_se`; None where a figure does not exist.

    reconstruction: E_q[log p(x given z)] by `samples` draws; kl: KL(q || p) >= 0;
    elbo = reconstruction - kl; kl_per_dim (latent_dim,), its errors kl_per_dim_se; active_units:
    the latent dimensions whose posterior mean varies by more than 0.01 over the images (Burda et
    al. 2016, section 5), its error that of other images as many (`active_units_error`);
    log_px: the importance-sampled bound of log p(x) with `importance_samples` draws (K), of which
    effective_draws count (Kong 1992); pareto_k: the median k-hat of their weights; unreliable: the
    share of the images whose k-hat is too high for log_px to be relied upon (see `reliability`), or
    below 25 draws, which show no tail, of those whose effective draws are too few. All draws are
    of q: a mode that none has met is in no figure but `missed`, and beyond two dimensions in none.
    A plain autoencoder has neither KL nor ELBO nor log_px; a GAN, which has no encoder, none of all
    these but discriminator_accuracy: the share of the images, and of as many generated ones, that
    its discriminator tells rightly; 1/2 is a guess.
    binarisation: how pixels were made 0 or 1 before, see `vae_core.data.binarisation`.
    grey_cross_entropy: a Bernoulli likelihood was given grey pixels, so that -reconstruction is a
    cross-entropy and none of the figures is a likelihood of the data.
    exact_log_px: log p(x) by quadrature, of the `exact_images` that were drawn by `seed`;
    exact_over_elbo, exact_over_log_px: by how much it exceeds the two on these very images; missed:
    the share of them of whose p(x) the draws behind log_px met less than half.
    aggregate, codes, disentanglement, few_labels, label_curves: as `ElboSurgery`, `CodeAccuracy`,
    `Disentanglement`, `FewLabels` and `LabelCurves` have it in JSON. class_error: the share of the
    images whose class M2's own classifier tells wrongly. measured: the figures of each registered
    measure that was asked for, by its name.
    """

    dataset: str
    split: str
    images: int
    samples: int
    seed: int
    grey_cross_entropy: bool
    reconstruction: float | None = None
    reconstruction_se: float | None = None
    kl: float | None = None
    kl_se: float | None = None
    elbo: float | None = None
    elbo_se: float | None = None
    kl_per_dim: list[float] | None = None
    kl_per_dim_se: list[float] | None = None
    active_units: int | None = None
    active_units_se: float | None = None
    log_px: float | None = None
    log_px_se: float | None = None
    importance_samples: int = 0
    effective_draws: float | None = None
    effective_draws_se: float | None = None
    pareto_k: float | None = None
    unreliable: float | None = None
    unreliable_se: float | None = None
    binarisation: str = "none"
    exact_log_px: float | None = None
    exact_log_px_se: float | None = None
    exact_over_elbo: float | None = None
    exact_over_elbo_se: float | None = None
    exact_over_log_px: float | None = None
    exact_over_log_px_se: float | None = None
    missed: float | None = None
    missed_se: float | None = None
    exact_images: int = 0
    aggregate: dict[str, Any] | None = None
    codes: dict[str, Any] | None = None
    disentanglement: dict[str, Any] | None = None
    discriminator_accuracy: float | None = None
    discriminator_accuracy_se: float | None = None
    few_labels: dict[str, Any] | None = None
    label_curves: dict[str, Any] | None = None
    class_error: float | None = None
    class_error_se: float | None = None
    measured: dict[str, dict[str, float]] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def means_and_errors(**figures: Tensor | None) -> dict[str, Any]:
    """The mean and standard error of each figure (n,) that there is, as fields of `Metrics`."""
    found: dict[str, float] = {}
    for name, values in figures.items():
        if values is not None:
            mean, error = mean_and_error(values)
            found |= {name: float(mean), f"{name}_se": float(error)}
    return found
