"""The six scores on codes that are made to be perfect, constant, duplicated and turned."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from vae_core.checkpoints.reading import load_latents
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures.codes.disentanglement import (
    Disentanglement,
    beta_vae_score,
    dci_scores,
    disentanglement_scores,
    factor_levels,
    factor_vae_score,
    gaps_by_factor,
    modularity,
    mutual_information,
    mutual_information_gap,
    separated_attribute_predictability,
)

SIZES = (2, 4, 5)


def all_levels(times: int = 50) -> NDArray[np.int64]:
    """Every combination of three factors, the same number of times, shuffled."""
    grid = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), -1).reshape(-1, 3)
    return np.random.default_rng(5).permutation(np.tile(grid, (times, 1)))


def as_codes(levels: NDArray[np.int64]) -> NDArray[np.float64]:
    return (levels - levels.mean(0)) / levels.std(0)


def turned(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """All three codes mixed evenly, by an orthogonal matrix."""
    q, _ = np.linalg.qr(np.array([[1.0, 1, 1], [1, -1, 0.2], [1, 0.1, -1]]))
    return codes @ q


def noise(n: int, d: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((n, d))


LEVELS = all_levels()
PERFECT = as_codes(LEVELS)
# columns: what each set of codes is
CODES = {
    "perfect": PERFECT,
    "shuffled and scaled": PERFECT[:, [2, 0, 1]] * np.array([-3.0, 1, 0.5]),
    "constant": np.zeros_like(PERFECT),
    "noise": noise(len(LEVELS), 3),
    "duplicated": np.concatenate([PERFECT, PERFECT], axis=1),
    "turned": turned(PERFECT),
}


def gap(codes: NDArray[np.float64]) -> float:
    return mutual_information_gap(mutual_information(codes, LEVELS), LEVELS)


def modular(codes: NDArray[np.float64]) -> float:
    return modularity(mutual_information(codes, LEVELS))


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("perfect", 1, 1),
        ("shuffled and scaled", 1, 1),
        ("constant", 0, 0),
        ("noise", 0, 0.03),
        ("duplicated", 0, 0),  # no code is ahead of its double
        ("turned", 0, 0.2),
    ],
)
def test_the_mutual_information_gap(kind: str, low: float, high: float) -> None:
    assert low - 1e-9 <= gap(CODES[kind]) <= high + 1e-9


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("perfect", 1, 1),
        ("shuffled and scaled", 1, 1),
        ("constant", 0, 0),
        ("duplicated", 1, 1),  # each code still tells of one factor alone
        ("turned", 0, 0.8),
    ],
)
def test_modularity(kind: str, low: float, high: float) -> None:
    assert low - 1e-9 <= modular(CODES[kind]) <= high + 1e-9


def test_a_code_of_two_factors_alike_is_half_modular() -> None:
    """I with two factors a, with the third 0: 1 - a^2 / (a^2 2) = 1 / 2."""
    assert modularity(np.array([[0.7, 0.7, 0.0]])) == pytest.approx(0.5)
    assert modularity(np.array([[0.7, 0.0, 0.0], [0.0, 0.0, 0.0]])) == pytest.approx(0.5)


def test_the_gap_is_in_units_of_the_entropy() -> None:
    """A code that tells one bit of a factor of four levels has half of its entropy."""
    levels = np.stack([np.arange(400) % 4, np.arange(400) // 4 % 2], axis=1)
    codes = np.stack([levels[:, 0] // 2, levels[:, 1], np.zeros(400)], axis=1).astype(float)
    information = mutual_information(codes, levels)
    assert information[0, 0] == pytest.approx(math.log(2))
    assert gaps_by_factor(information, levels) == pytest.approx([0.5, 1])
    assert mutual_information_gap(information, levels) == pytest.approx((0.5 + 1) / 2)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("perfect", 1, 1),
        ("shuffled and scaled", 1, 1),
        ("constant", 0, 0),  # no code is active
        ("noise", 0.25, 0.45),  # one of three by chance
        ("duplicated", 1, 1),
        ("turned", 0.3, 0.95),
    ],
)
def test_the_factor_vae_score(kind: str, low: float, high: float) -> None:
    assert low <= factor_vae_score(CODES[kind], LEVELS, 1_000, 500) <= high


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("perfect", 1, 1),
        ("shuffled and scaled", 1, 1),
        ("constant", 0.25, 0.42),  # one of three by chance
        ("noise", 0.25, 0.42),
        ("duplicated", 1, 1),
        ("turned", 0.8, 1),  # a linear map: no code is a factor, and it hardly matters
    ],
)
def test_the_beta_vae_score(kind: str, low: float, high: float) -> None:
    assert low <= beta_vae_score(CODES[kind], LEVELS, 600, 600) <= high


def test_codes_that_hardly_vary_have_no_vote() -> None:
    """Small copies of noise would be the stillest of all, were they not measured in their own
    units, and are left out."""
    codes = np.concatenate([PERFECT, 1e-3 * noise(len(LEVELS), 2)], axis=1)
    assert factor_vae_score(codes, LEVELS, 1_000, 500) == 1


@pytest.mark.parametrize(("deviation", "score"), [(0.06, 1), (0.04, 0)])
def test_codes_have_a_vote_from_a_deviation_of_a_twentieth(deviation: float, score: int) -> None:
    """That of disentanglement_lib's `prune_dims.threshold`."""
    codes = deviation * PERFECT / PERFECT.std(axis=0)
    assert factor_vae_score(codes, LEVELS, 1_000, 500) == score


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("constant", 0, 0.01), ("noise", 0, 0.05), ("duplicated", 0, 0.01), ("turned", 0, 0.3)],
)
def test_sap_of_codes_without_a_lead(kind: str, low: float, high: float) -> None:
    codes = CODES[kind]
    train, test = slice(0, None, 2), slice(1, None, 2)
    score = separated_attribute_predictability(
        codes[train], LEVELS[train], codes[test], LEVELS[test]
    )
    assert low <= score <= high


def test_sap_of_a_perfect_code_is_the_gap_to_guessing() -> None:
    levels = np.random.default_rng(0).integers(2, size=(2_000, 2))  # two levels: a threshold tells
    train, test = slice(0, 1_000), slice(1_000, None)
    codes = as_codes(levels)
    score = separated_attribute_predictability(
        codes[train], levels[train], codes[test], levels[test]
    )
    assert score == pytest.approx(0.5, abs=0.05)


def dci(kind: str, classifier: str = "forest") -> tuple[float, float, float]:
    codes = CODES[kind]
    return dci_scores(codes[::2], LEVELS[::2], codes[1::2], LEVELS[1::2], classifier=classifier)


@pytest.mark.parametrize("classifier", ["forest", "boosting"])
def test_dci_of_a_perfect_code_is_one(classifier: str) -> None:
    assert dci("perfect", classifier) == pytest.approx((1, 1, 1), abs=0.02)


def test_dci_of_a_constant_code_is_nothing_learned() -> None:
    separate, complete, informative = dci("constant")
    assert (separate, complete) == (0, 0)
    assert informative < (1 / 2 + 1 / 4 + 1 / 5) / 3 + 0.02


def test_dci_of_a_duplicated_code_is_separate_but_not_complete() -> None:
    """Two codes share a factor evenly: entropy log 2 of log 6."""
    separate, complete, informative = dci("duplicated")
    assert separate == pytest.approx(1, abs=0.02) and informative == 1
    assert complete == pytest.approx(1 - math.log(2) / math.log(6), abs=0.03)


def test_dci_of_a_turned_code_is_informative_but_not_separate() -> None:
    separate, complete, informative = dci("turned")
    assert max(separate, complete) < 0.5
    assert informative > 0.9


# All together


def latents(codes: NDArray[np.float64], levels: NDArray[np.int64]) -> Latents:
    n = len(codes)
    return Latents(
        mu=torch.from_numpy(codes).float(),
        logvar=torch.zeros(codes.shape),
        indices=torch.arange(n),
        reconstruction=torch.zeros(n),
        factors=torch.from_numpy(levels).float(),
    )


def scores(codes: NDArray[np.float64], levels: NDArray[np.int64], seed: int = 0) -> Disentanglement:
    return disentanglement_scores(
        latents(codes, levels), seed=seed, train_points=500, test_points=300, classifier="forest"
    )


def test_all_scores_come_together() -> None:
    constant = np.ones((len(LEVELS), 1), np.int64)  # such as the one colour of dSprites
    together = scores(PERFECT, np.concatenate([constant, LEVELS], axis=1))
    for name in ("mig", "factor_vae", "disentanglement", "completeness", "informativeness"):
        assert getattr(together, name) == pytest.approx(1, abs=0.02)
    assert together.modularity == pytest.approx(1, abs=1e-4) and 0.1 < together.sap < 0.6
    document = json.loads(json.dumps(together.to_json()))
    assert Disentanglement(**document) == together
    assert (together.images, together.train_points, together.bins) == (len(LEVELS), 500, 20)


def test_scores_have_standard_errors() -> None:
    """None of a perfect code; without, where a part of the images has too few."""
    blurred = scores(PERFECT + 0.5 * noise(len(LEVELS), 3), LEVELS)
    assert 0 < blurred.mig_se < 0.2 and 0 < blurred.completeness_se < 0.2
    assert scores(PERFECT, LEVELS).factor_vae_se == 0
    few = scores(PERFECT[:9], LEVELS[:9])
    assert few.mig_se is few.sap_se is None and few.mig > 0


def test_draws_are_of_their_seed() -> None:
    codes = PERFECT + 0.5 * noise(len(LEVELS), 3)
    first = scores(codes, LEVELS, seed=1)
    assert first == scores(codes, LEVELS, seed=1)
    assert first.mig != scores(codes, LEVELS, seed=2).mig


def test_factors_become_levels() -> None:
    few = np.array([0.5, 0.7, 0.5, 1.0], np.float32)
    many = np.linspace(0, 1, 2_000, dtype=np.float32)
    assert factor_levels(few[:, None])[:, 0].tolist() == [0, 1, 0, 2]
    binned = factor_levels(many[:, None])[:, 0]
    assert np.bincount(binned).tolist() == [100] * 20
    assert (np.diff(binned) >= 0).all()


def test_what_cannot_be_scored_is_refused() -> None:
    known = latents(PERFECT, LEVELS)
    with pytest.raises(DataError, match="no known factors"):
        disentanglement_scores(replace(known, factors=None))
    with pytest.raises(DataError, match="1 codes and 3 factors"):
        disentanglement_scores(latents(PERFECT[:, :1], LEVELS))
    with pytest.raises(DataError, match="3 codes and 1 factors"):
        disentanglement_scores(latents(PERFECT, LEVELS * np.array([1, 0, 0])))
    with pytest.raises(ConfigError, match="'svm'; choose boosting or forest"):
        disentanglement_scores(known, classifier="svm")
    with pytest.raises(DataError, match="not finite"):
        disentanglement_scores(latents(np.full_like(PERFECT, np.nan), LEVELS))
    for wrong in ({"seed": -1}, {"train_points": 0}, {"test_points": 0}):
        with pytest.raises(ConfigError, match="0 or more, and one point"):
            disentanglement_scores(known, **wrong)


def test_a_factor_that_is_the_same_in_all_that_was_drawn_is_a_data_error() -> None:
    levels = LEVELS[:60].copy()
    levels[:, 0] = 0
    levels[7, 0] = 1  # rare enough that most seeds do not learn from it
    draws = []
    for seed in range(8):
        try:
            draws.append(scores(PERFECT[:60], levels, seed))
        except DataError as error:
            draws.append(str(error))
    assert any("give more images" in str(found) for found in draws)


def test_scale_and_place_have_a_unit_each_in_sprites_factors() -> None:
    """By rank correlation, which no score here takes: one unit goes with each, no other does."""
    folder = Path(__file__).parents[4] / "checkpoints" / "sprites-factors"
    latents = load_latents(folder)
    names = json.loads((folder / "config.json").read_text())["factor_names"]
    assert latents.factors is not None
    codes = latents.mu[:, latents.mu.var(0) > 0.01].numpy()  # of the active ones
    units = []
    for factor in ("scale", "x", "y"):
        values = latents.factors[:, names.index(factor)].numpy()
        r = np.array([abs(spearmanr(code, values).statistic) for code in codes.T])
        second, first = np.sort(r)[-2:]
        assert first > 0.99 and second < 0.1, (factor, r)
        units.append(int(r.argmax()))
    assert len(set(units)) == 3
