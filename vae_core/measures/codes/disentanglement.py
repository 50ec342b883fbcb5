"""Whether single codes stand for single factors: six scores where the factors are known.

By the protocol of disentanglement_lib (Locatello et al. 2019): 10,000 images to learn from, 5,000
to test on, codes cut into 20 bins of equal width. Factors are classes; one that takes more than
`MAX_LEVELS` values is cut into 20 bins, too. Codes that tell nothing score about 0, but for the
FactorVAE and BetaVAE scores and informativeness: there, what guessing gives, and for the modularity
of noise, which is that of little information unevenly spread. One code a factor scores 1, but for
SAP, a gap between accuracies, as even a useless code guesses, and for MIG, where a factor has more
levels than a code has bins, or many values: a factor's bins span all images, a code's those that
were drawn. On sprites the true factors themselves have a MIG of 0.98.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from reprlib import repr as shown
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures.shares import PARTS, errors_over_parts

BINS = 20
TRAIN_POINTS = 10_000
TEST_POINTS = 5_000
MAX_LEVELS = 64
BATCH = 64  # of the FactorVAE score and the BetaVAE score
PRUNED = 0.05  # codes of a smaller standard deviation take no part in the FactorVAE score

Codes = NDArray[np.float64]
Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Disentanglement:
    """Six scores in [0, 1], and the parts of DCI.

    mig: mutual information gap; factor_vae: accuracy of the FactorVAE score's vote; beta_vae: of
    the BetaVAE score's classifier; sap: separated attribute predictability; disentanglement,
    completeness, informativeness: DCI, the last the accuracy on images not learned from;
    modularity. train_points, test_points: images drawn by `seed`, with replacement, from two thirds
    of the images and from the others. classifier: what DCI learned with. *_se: standard errors,
    from the same scores of four parts of the images, each with a fourth of the points; None where a
    part has a factor that is the same in all of them.
    """

    images: int
    train_points: int
    test_points: int
    bins: int
    seed: int
    mig: float
    factor_vae: float
    sap: float
    disentanglement: float
    completeness: float
    informativeness: float
    modularity: float
    classifier: str
    beta_vae: float | None = None
    mig_se: float | None = None
    beta_vae_se: float | None = None
    factor_vae_se: float | None = None
    sap_se: float | None = None
    disentanglement_se: float | None = None
    completeness_se: float | None = None
    informativeness_se: float | None = None
    modularity_se: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def disentanglement_scores(
    latents: Latents,
    *,
    seed: int = 0,
    train_points: int = TRAIN_POINTS,
    test_points: int = TEST_POINTS,
    classifier: str = "boosting",
    on_progress: Callable[[float, str], object] | None = None,
) -> Disentanglement:
    """All six scores of the posterior means, each with draws of its own by `seed`.

    classifier: for DCI, "boosting" as in disentanglement_lib (minutes for dSprites) or "forest" as
    in Eastwood & Williams (2018), which is quicker and another figure. on_progress is told the
    share done and the name of the score that comes next. DataError when the latents have no
    factors, are not finite, or have fewer than two codes or factors that vary, also among the
    images drawn; ConfigError when a setting is out of range.
    """
    if not (seed >= 0 and train_points >= 1 and test_points >= 1):
        raise ConfigError(
            f"seed={seed}, train_points={train_points} and test_points={test_points}: give a seed "
            "of 0 or more, and one point of each at least."
        )
    codes, levels = _codes_and_levels(latents)
    tell = on_progress or (lambda share, name: None)
    scores = _scores(
        codes,
        levels,
        train_points,
        test_points,
        classifier,
        seed,
        lambda k, name: tell(k / 2, name),
    )
    tell(0.5, "Standard errors")
    points = max(1, train_points // PARTS), max(1, test_points // PARTS)
    try:
        errors = errors_over_parts(
            lambda rows: _scores(codes[rows], levels[rows], *points, classifier, seed), len(codes)
        )
    except DataError:  # a factor is the same in all of a part
        errors = {}
    return Disentanglement(
        images=len(codes),
        train_points=train_points,
        test_points=test_points,
        bins=BINS,
        seed=seed,
        classifier=classifier,
        **scores,
        **{f"{name}_se": error for name, error in errors.items()},
    )


def _scores(
    codes: Codes,
    levels: Levels,
    train_points: int,
    test_points: int,
    classifier: str,
    seed: int,
    tell: Callable[[float, str], object] = lambda share, name: None,
) -> dict[str, float]:
    """All of them by name; DataError where a factor is the same in all images drawn."""
    tell(0.0, "DCI")
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(codes))
    split = 2 * len(codes) // 3  # an image drawn twice must not be learned and tested
    if not split:
        raise DataError(f"{len(codes)} images are too few to learn from and to test.")
    rows, test = draw.choice(order[:split], train_points), draw.choice(order[split:], test_points)
    if not bool((levels[rows].max(axis=0) > levels[rows].min(axis=0)).all()):
        raise DataError("A factor is the same in all images drawn to learn from; give more images.")
    learned = codes[rows], levels[rows], codes[test], levels[test]
    dci = dci_scores(*learned, classifier=classifier, seed=seed)
    tell(0.6, "Mutual information")
    information = mutual_information(codes[rows], levels[rows])
    tell(0.7, "FactorVAE and BetaVAE scores")
    held = codes, levels, train_points, test_points
    factor_vae, beta_vae = factor_vae_score(*held, seed=seed), beta_vae_score(*held, seed=seed)
    tell(0.8, "SAP")
    return {
        "mig": mutual_information_gap(information, levels[rows]),
        "factor_vae": factor_vae,
        "beta_vae": beta_vae,
        "sap": separated_attribute_predictability(*learned),
        "disentanglement": dci[0],
        "completeness": dci[1],
        "informativeness": dci[2],
        "modularity": modularity(information),
    }


def factor_levels(factors: NDArray[np.float32]) -> Levels:
    """Factors (n, k) as classes from 0, (n, k): their values, or 20 bins where these are many."""
    columns = []
    for column in factors.T:
        values, levels = np.unique(column, return_inverse=True)
        columns.append(levels if len(values) <= MAX_LEVELS else binned(column))
    return np.stack(columns, axis=1).astype(np.int64)


def mutual_information(codes: Codes, levels: Levels) -> NDArray[np.float64]:
    """I(binned code; factor), (d, k), in nats."""
    from sklearn.metrics import mutual_info_score

    return np.array(
        [[mutual_info_score(factor, code) for factor in levels.T] for code in map(binned, codes.T)]
    )


def mutual_information_gap(information: NDArray[np.float64], levels: Levels) -> float:
    """MIG (Chen et al. 2018): how far the best code of a factor is ahead of the next.

    In units of the factor's entropy, mean over factors; 1 for one code a factor that has its bins.
    """
    return float(gaps_by_factor(information, levels).mean())


def gaps_by_factor(information: NDArray[np.float64], levels: Levels) -> NDArray[np.float64]:
    """What the MIG is the mean of, (k,): the gap of each factor; of information (d, k)."""
    from sklearn.metrics import mutual_info_score

    entropy = np.array([mutual_info_score(factor, factor) for factor in levels.T])
    best = np.sort(information, axis=0)[::-1]
    return np.asarray((best[0] - best[1]) / entropy)


def modularity(information: NDArray[np.float64]) -> float:
    """Modularity (Ridgeway & Mozer 2018): whether each code tells of one factor alone.

    One minus what a code tells of the other factors, squared, against the best; a code that tells
    nothing counts as 0. Mean over codes.
    """
    squares = information**2
    best = squares.max(axis=1)
    told = best > 0
    others = (squares.sum(axis=1) - best)[told] / (best[told] * (information.shape[1] - 1))
    return float(np.sum(1 - others) / len(information))


def factor_vae_score(
    codes: Codes, levels: Levels, train_points: int, test_points: int, *, seed: int = 0
) -> float:
    """The FactorVAE score (Kim & Mnih 2018): which factor was held, told by the stillest code.

    Each point is 64 images that share one factor's value, and its code the one whose variance, in
    units of that over all images, is least. The score is the accuracy, on test points, of the
    majority vote that training points give. Codes of a deviation below 0.05 take no part.
    """
    draw = np.random.default_rng(seed)
    variance = codes.var(axis=0, ddof=1)
    active = np.flatnonzero(np.sqrt(variance) >= PRUNED)
    if not len(active):
        return 0.0
    scaled = codes[:, active] / np.sqrt(variance[active])
    order, ends = _rows_by_level(levels)

    def votes(points: int) -> NDArray[np.int64]:
        """How often each code (a, ) was the stillest of each held factor, (a, k)."""
        count = np.zeros((len(active), levels.shape[1]), np.int64)
        for factor in draw.integers(levels.shape[1], size=points):
            level = levels[draw.integers(len(levels)), factor]
            low, high = ends[factor][level : level + 2]
            batch = scaled[order[draw.integers(low, high, size=BATCH), factor]]
            count[batch.var(axis=0, ddof=1).argmin(), factor] += 1
        return count

    majority = votes(train_points).argmax(axis=1)
    tested = votes(test_points)
    return float(tested[np.arange(len(active)), majority].sum() / test_points)


def beta_vae_score(
    codes: Codes, levels: Levels, train_points: int, test_points: int, *, seed: int = 0
) -> float:
    """The BetaVAE score (Higgins et al. 2017): which factor was held, told by a linear classifier.

    Each point is 64 pairs of images that share one factor's value, another for each pair, and what
    is told from is the mean of |mu - mu'| by code; the score is the accuracy on test points. A
    linear map of the codes can be as good as the factors themselves (Kim & Mnih 2018, section 4).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    draw = np.random.default_rng(seed)
    order, ends = _rows_by_level(levels)

    def points(count: int) -> tuple[Codes, NDArray[np.int64]]:
        """Mean distances (count, d), and which factor was held, (count,)."""
        held = draw.integers(levels.shape[1], size=count)
        held[: levels.shape[1]] = np.arange(levels.shape[1])[:count]  # none is missing
        distances = np.empty((count, codes.shape[1]))
        for k, factor in enumerate(held):
            first = draw.integers(len(levels), size=BATCH)
            level = levels[first, factor]
            second = order[draw.integers(ends[factor][level], ends[factor][level + 1]), factor]
            distances[k] = np.abs(codes[first] - codes[second]).mean(axis=0)
        return distances, held

    learner = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    learner.fit(*points(train_points))
    return float(learner.score(*points(test_points)))


def _rows_by_level(levels: Levels) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Rows of each factor's levels together, (n, k), and where a factor's levels begin and end."""
    order = np.argsort(levels, axis=0, kind="stable")
    return order, [np.concatenate([[0], np.cumsum(np.bincount(f))]) for f in levels.T]


def separated_attribute_predictability(
    codes: Codes, levels: Levels, test_codes: Codes, test_levels: Levels
) -> float:
    """SAP (Kumar et al. 2018): how far the best code of a factor classifies it ahead of the next.

    Each code by itself, by a linear support vector machine (C = 0.01, classes balanced); the gap of
    test accuracies, mean over factors.
    """
    from sklearn.svm import LinearSVC

    accuracy = np.zeros((codes.shape[1], levels.shape[1]))
    for i, j in np.ndindex(accuracy.shape):
        machine = LinearSVC(C=0.01, class_weight="balanced")
        machine.fit(codes[:, i : i + 1], levels[:, j])
        predicted = machine.predict(test_codes[:, i : i + 1])
        accuracy[i, j] = np.mean(predicted == test_levels[:, j])
    best = np.sort(accuracy, axis=0)[::-1]
    return float(np.mean(best[0] - best[1]))


def dci_scores(
    codes: Codes,
    levels: Levels,
    test_codes: Codes,
    test_levels: Levels,
    *,
    classifier: str = "boosting",
    seed: int = 0,
) -> tuple[float, float, float]:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018).

    A classifier learns each factor from all codes; how much it uses each code is the importance.
    Disentanglement is one minus the entropy of a code's importance over factors, completeness that
    of a factor's over codes, each weighted by its share of all importance; informativeness is the
    test accuracy, mean over factors.
    """
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if classifier not in ("boosting", "forest"):
        raise ConfigError(f"Unknown classifier {shown(classifier)}; choose boosting or forest.")
    importance, accuracies = [], []
    for factor, test_factor in zip(levels.T, test_levels.T, strict=True):
        learner = (
            GradientBoostingClassifier(random_state=seed)
            if classifier == "boosting"
            else RandomForestClassifier(
                50, max_features=None, min_samples_leaf=5, random_state=seed
            )
        )
        learner.fit(codes, factor)
        importance.append(np.abs(learner.feature_importances_))
        accuracies.append(np.mean(learner.predict(test_codes) == test_factor))
    matrix = np.stack(importance, axis=1)  # (d, k)
    return _concentration(matrix), _concentration(matrix.T), float(np.mean(accuracies))


def _concentration(importance: NDArray[np.float64]) -> float:
    """One minus the normalised entropy of each row, weighted by the row's share of the whole."""
    total = importance.sum()
    if total == 0:
        return 0.0
    rows = importance.sum(axis=1, keepdims=True)
    shares = importance / np.where(rows > 0, rows, 1)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=1) / np.log(importance.shape[1])
    return float(((1 - entropy) * rows[:, 0]).sum() / total)


def _codes_and_levels(latents: Latents) -> tuple[Codes, Levels]:
    """mu (n, d) and factors as classes (n, k), without factors that are always the same.

    Of images of which all factors are known.
    """
    if latents.factors is None:
        raise DataError("The images have no known factors to compare the codes with.")
    codes = latents.mu.double().numpy()
    if not np.isfinite(codes).all():
        raise DataError("There are codes that are not finite; nothing can be read off them.")
    known = ~latents.factors.isnan().any(1).numpy()
    if not known.any():
        raise DataError("There is no image of which all factors are known.")
    codes = codes[known]
    levels = factor_levels(latents.factors.numpy()[known])
    levels = levels[:, levels.max(axis=0) > levels.min(axis=0)]
    if codes.shape[1] < 2 or levels.shape[1] < 2:
        raise DataError(
            f"{codes.shape[1]} codes and {levels.shape[1]} factors that vary: the scores compare "
            "two of each at least."
        )
    return codes, levels


def binned(values: NDArray[Any]) -> NDArray[np.int64]:
    """Bins of equal width over the range of values (n,), counted from 0."""
    edges = np.histogram_bin_edges(values, BINS)
    return np.asarray(np.digitize(values, edges[1:-1]))
