"""How far latent dimensions go their own ways, from the codes alone: no factors need be known.

The first two are of one model (Locatello et al. 2019, section 5.4): low figures are needed for
disentanglement where the factors are independent, and do not suffice, as principal components have
no total correlation of a Gaussian either. `ranking` compares trainings that differ by their seed
(UDR, Duan et al. 2020): what several of them find alike is likely to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import DataError
from vae_core.latent.latents import Latents
from vae_core.measures.codes.disentanglement import BINS, Levels, binned
from vae_core.measures.registry import register_measure
from vae_core.measures.shares import PARTS, errors_over_parts
from vae_core.models.latent_model import LatentModel

LEAST = 10  # images of a part for each dimension
INFORMATIVE = 0.01  # nats of KL: a dimension of less is none that a training has found

Codes = NDArray[np.float64]


@dataclass(frozen=True)
class Independence:
    """Figures in nats of the active dimensions, 0 where these are independent; *_se: their errors.

    total_correlation: of the Gaussian that has the covariance of mu; mutual_information: of two
    dimensions, each in 20 bins of equal width, the mean over all pairs; dimensions: how many.
    """

    total_correlation: float
    total_correlation_se: float
    mutual_information: float
    mutual_information_se: float
    dimensions: int


def independence(latents: Latents) -> Independence:
    """Of the posterior means; standard errors from the same figures of four parts of the images.

    DataError below two active dimensions, or ten images in a part for each of them.
    """
    codes = latents.mu[:, latents.active].double().numpy()
    n, d = codes.shape
    if d < 2 or n < PARTS * LEAST * d:
        raise DataError(
            f"{n:,} images and {d} active dimensions: give two dimensions at least, and "
            f"{PARTS * LEAST} images for each."
        )

    def figures(rows: NDArray[np.int64]) -> dict[str, float]:
        return {
            "total_correlation": total_correlation(codes[rows]),
            "mutual_information": mean_information(codes[rows]),
        }

    errors = errors_over_parts(figures, n)
    return Independence(
        **figures(np.arange(n)),
        total_correlation_se=errors["total_correlation"],
        mutual_information_se=errors["mutual_information"],
        dimensions=d,
    )


def total_correlation(codes: Codes) -> float:
    """1/2 (sum_j log C_jj - log det C) of the covariance C of codes (n, d), in nats."""
    _, log_det = np.linalg.slogdet(np.corrcoef(codes.T))
    return float(-0.5 * log_det)


def mean_information(codes: Codes) -> float:
    """I(binned code; another binned), mean over all pairs of columns of codes (n, d), in nats."""
    columns = [binned(column) for column in codes.T]
    pairs = combinations(columns, 2)
    return float(np.mean([_information(one, other) for one, other in pairs]))


def _information(one: Levels, other: Levels) -> float:
    joint = np.bincount(BINS * one + other, minlength=BINS**2).reshape(BINS, BINS) / len(one)
    apart = np.outer(joint.sum(1), joint.sum(0))
    there = joint > 0
    return float(np.sum(joint[there] * np.log(joint[there] / apart[there])))


def ranking(trainings: Sequence[Latents]) -> list[float]:
    """UDR by Spearman's correlation (Duan et al. 2020, eqs. 2 and 3), of each training, in [0, 1].

    trainings: codes of the same images in the same order, by two trainings at least. Of a pair the
    relative strength r^2 / sum |r| of the strongest partner, mean over the informative dimensions
    of both; of a training the median over its pairs. DataError where they do not belong together.
    """
    from scipy.stats import rankdata

    if len(trainings) < 2 or len({tuple(each.indices.tolist()) for each in trainings}) > 1:
        raise DataError("A ranking compares the codes of the same images by several trainings.")
    ranks = [rankdata(each.mu.double().numpy(), axis=0) for each in trainings]
    kept = [(each.kl_per_dim > INFORMATIVE).numpy() for each in trainings]
    n = len(trainings)
    pairs = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(i):
            pairs[i, j] = pairs[j, i] = _alike(ranks[i][:, kept[i]], ranks[j][:, kept[j]])
    return [float(np.nanmedian(row)) for row in pairs]


def _alike(one: Codes, other: Codes) -> float:
    """How far each column of ranks (n, a) has one partner among those of (n, b), and back."""
    a, b = one.shape[1], other.shape[1]
    if not a or not b:
        return 0.0
    r = np.abs(np.corrcoef(one.T, other.T)[:a, a:])
    best = [matrix.max(1) ** 2 / matrix.sum(1) for matrix in (r, r.T)]
    return float(np.concatenate(best).sum() / (a + b))


@register_measure("independence", "How far the latent dimensions go their own ways, in nats.")
def _measured(model: LatentModel, dataset: ImageDataset, latents: Latents) -> dict[str, float]:
    return {
        name.replace("_se", " error").replace("_", " "): value
        for name, value in asdict(independence(latents)).items()
    }
