"""Where a model puts its images: encoded data sets and projections of them to the plane."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from vae_core.data.image_dataset import ImageDataset, check_is_dataset
from vae_core.data.texts import joined_rows, texts_at, texts_of
from vae_core.errors import DataError
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import kl_to_standard_normal

BATCH = 500
ACTIVE_VARIANCE = 0.01
KL_DRAWS = 8


@dataclass(frozen=True)
class Latents:
    """The posteriors of n images.

    mu, logvar (n, d) float32; indices (n,) int64 into the data set; reconstruction (n,) float32,
    log p(x given z = mu) in nats, or of a model without a likelihood less the squared error at mu,
    NaN without a decoder; labels (n,) int64 or None; factors (n, k) float32, NaN where one is not
    known, or None.
    kl_terms (n, d) float32: the KL by dimension where p(z) is not N(0, I), else None.
    sources (n, width) uint8: where each image came from, see `data.texts`, or None.
    """

    mu: Tensor
    logvar: Tensor
    indices: Tensor
    reconstruction: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    kl_terms: Tensor | None = None
    sources: Tensor | None = None

    def __post_init__(self) -> None:
        if self.mu.ndim != 2 or self.logvar.shape != self.mu.shape:
            raise DataError(
                f"mu is {tuple(self.mu.shape)} and logvar {tuple(self.logvar.shape)}; "
                "both must be (n, d)."
            )
        if self.kl_terms is not None and self.kl_terms.shape != self.mu.shape:
            raise DataError(f"kl_terms is {tuple(self.kl_terms.shape)}, and must be as mu is.")
        n = len(self.mu)
        for name in ("indices", "reconstruction", "labels", "factors", "sources"):
            column = getattr(self, name)
            ndim = 2 if name in ("factors", "sources") else 1
            if column is not None and (column.ndim != ndim or len(column) != n):
                raise DataError(f"{name} is {tuple(column.shape)}, but mu has {n} rows.")

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, rows: Sequence[int]) -> Latents:
        """The given rows, in that order."""
        index = torch.as_tensor(rows, dtype=torch.int64)
        columns = {k: t[index] for k, t in vars(self).items() if t is not None}
        return Latents(**columns)

    def joined(self, other: Latents) -> Latents:
        """These rows, then those of `other`, with the columns that both have."""
        return Latents(
            **{
                name: joined_rows(column, getattr(other, name))
                for name, column in vars(self).items()
                if column is not None and getattr(other, name) is not None
            }
        )

    def table(
        self,
        class_names: Sequence[str] = (),
        factor_names: Sequence[str] = (),
        factor_values: Sequence[Sequence[str]] = (),
    ) -> dict[str, np.ndarray]:
        """Columns of n rows: index, source, label, mu_1 …, sigma_1 …, kl, log_px_given_mu, factors.

        Codes without a posterior have no sigma and no kl, those without a decoder no log p(x|mu).
        Categories are texts, empty where they are not known.
        """
        columns = {"index": self.indices.numpy()}
        if self.sources is not None:
            columns["source"] = np.array(texts_of(self.sources))
        if self.labels is not None:
            labels = self.labels.numpy()
            columns["label"] = np.array(class_names)[labels] if class_names else labels
        numbered = {"mu": self.mu} | ({"sigma": self.sigma} if self.has_posterior else {})
        for name, values in numbered.items():
            columns |= {f"{name}_{j + 1}": v.numpy() for j, v in enumerate(values.unbind(1))}
        if self.has_posterior:
            columns["kl"] = self.kl.numpy()
        if bool(self.reconstruction.isfinite().any()):
            columns["log_px_given_mu"] = self.reconstruction.numpy()
        if self.factors is not None:
            names = factor_names or [f"factor_{k + 1}" for k in range(self.factors.shape[1])]
            held = factor_values or [()] * len(names)
            for name, column, texts in zip(names, self.factors.numpy().T, held, strict=True):
                columns[f"{name} (table)" if name in columns else name] = (
                    texts_at(texts, column) if texts else column
                )
        return columns

    @property
    def has_posterior(self) -> bool:
        """Whether q(z given x) has a width; the codes of a plain autoencoder are points."""
        return bool(self.logvar.isfinite().all())

    @property
    def sigma(self) -> Tensor:
        """Posterior standard deviations, (n, d)."""
        return torch.exp(0.5 * self.logvar)

    @property
    def kl(self) -> Tensor:
        """KL(q(z given x) || p(z)) of each image, (n,), in nats."""
        return self._kl_by_dimension().sum(1)

    @property
    def active(self) -> Tensor:
        """Which latent dimensions are in use, (d,) bool: their mu varies (Burda et al. 2016)."""
        return active_dimensions(self.mu)

    @property
    def kl_per_dim(self) -> Tensor:
        """Mean KL of each latent dimension, (d,), in nats."""
        return self._kl_by_dimension().mean(0)

    @property
    def use(self) -> Tensor:
        """How far each latent dimension is in use, (d,): `kl_per_dim`.

        Where there is no posterior, and so no KL, the variance of its mu.
        """
        return self.kl_per_dim if self.has_posterior else self.mu.var(0)

    def _kl_by_dimension(self) -> Tensor:
        if self.kl_terms is not None:
            return self.kl_terms
        return kl_to_standard_normal(self.mu, self.logvar)


@torch.no_grad()
def encode_dataset(
    model: LatentModel,
    dataset: ImageDataset,
    indices: Tensor | None = None,
    on_progress: Callable[[float], object] = lambda share: None,
) -> Latents:
    """Encode the whole data set, or the images at `indices`, in batches on the model's device.

    Under a prior that has no KL in closed form it is a mean over `KL_DRAWS` draws, always the same.
    on_progress is told the share of the images done.
    """
    check_image_shape(model, dataset)
    device = next(model.parameters()).device
    if indices is None:
        indices = torch.arange(len(dataset))
    prior = None if model.config.prior == "normal" else model.prior()
    generator = torch.Generator(device).manual_seed(0)
    kl_terms: list[Tensor] = []
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch in indices.split(BATCH):
        x = dataset.floats(batch).to(device)
        mu, logvar = model.encode(x)
        rows.append((mu.cpu(), logvar.cpu(), _reconstruction(model, x, mu).cpu()))
        if prior is not None:
            z = model.sample_posterior(mu.expand(KL_DRAWS, -1, -1), logvar, generator)
            kl_terms.append(prior.kl(mu, logvar, z).cpu())
        on_progress(len(rows) * BATCH / len(indices) if len(batch) == BATCH else 1.0)
    mu, logvar, reconstruction = (torch.cat(column) for column in zip(*rows, strict=True))
    return Latents(
        mu=mu,
        logvar=logvar,
        indices=indices,
        reconstruction=reconstruction,
        labels=None if dataset.labels is None else dataset.labels[indices],
        factors=None if dataset.factors is None else dataset.factors[indices],
        sources=None if dataset.sources is None else dataset.sources[indices],
        kl_terms=torch.cat(kl_terms) if kl_terms else None,
    )


def _reconstruction(model: LatentModel, x: Tensor, mu: Tensor) -> Tensor:
    """See `Latents`, (batch,)."""
    if model.has_likelihood:
        return model.log_likelihood(x, mu)
    if not model.has_decoder:
        return torch.full((len(x),), torch.nan)
    return -(model.decode(mu) - x).square().flatten(1).sum(1)


def check_image_shape(model: LatentModel, dataset: ImageDataset) -> None:
    """DataError where it is no data set, or the model does not read images of its shape."""
    check_is_dataset(dataset, "dataset")
    if dataset.image_shape != model.image_shape:
        raise DataError(
            f"The model reads images of {model.image_shape}, but {dataset.name} has "
            f"{dataset.image_shape}; choose the data set that the model was trained on."
        )


def common_rows(*latents: Latents) -> tuple[Tensor, ...]:
    """Rows of each, (n,) int64, of the images that all of them have encoded, in order."""
    indices = [each.indices.numpy() for each in latents]
    common = reduce(np.intersect1d, indices)
    return tuple(
        torch.from_numpy(np.intersect1d(common, own, return_indices=True)[2]) for own in indices
    )


def reach(codes: Tensor | np.ndarray, share: float = 1.0) -> float:
    """How far from 0 codes (n, d) lie: in no dimension is more than 1 - share of them farther out.

    share in [0, 1]; 1 is the farthest of all.
    """
    return float(np.quantile(np.abs(np.asarray(codes)), share, axis=0).max())


def active_dimensions(mu: Tensor) -> Tensor:
    """Columns of mu (n, d) with a variance above 0.01, (d,) bool (Burda et al. 2016, section 5)."""
    return mu.var(0) > ACTIVE_VARIANCE


def active_units_error(mu: Tensor) -> float:
    """The standard error of how many columns of mu (n, d) are active.

    That of a sum of d coins, each as likely as that its variance, known but for an error of
    sqrt((m4 - m2^2) / n) of its central moments, lies above the bound.
    """
    squares = (mu.double() - mu.double().mean(0)).square()
    variance = squares.mean(0)
    error = squares.std(0) / math.sqrt(len(mu))
    above = torch.special.ndtr((variance - ACTIVE_VARIANCE) / error.clamp_min(1e-30))
    return float((above * (1 - above)).sum().sqrt())


def nearest(mu: Tensor, z: Tensor, k: int = 1) -> Tensor:
    """Indices (k,) of the rows of mu (n, d) nearest to z (d,), nearest first."""
    distances: Tensor = torch.linalg.vector_norm(mu - z, dim=1)
    return distances.topk(min(k, len(mu)), largest=False).indices


def prior_percentile(z: Tensor | Sequence[float]) -> float:
    """Share of the prior N(0, I) that lies nearer to the origin than z (d,), in [0, 1].

    |z|^2 is chi-square distributed with d degrees of freedom.
    """
    from scipy.stats import chi2

    squared_norm = float(torch.as_tensor(z, dtype=torch.float64).square().sum())
    return float(chi2.cdf(squared_norm, df=len(z)))


def class_mean(latents: Latents, label: int) -> Tensor:
    """The mean of mu over the images of one class, (d,); DataError when there are none."""
    if latents.labels is None or not bool((latents.labels == label).any()):
        raise DataError(f"There is no image of class {label} among the stored latents.")
    return latents.mu[latents.labels == label].mean(0)
