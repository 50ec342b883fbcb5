"""Encoded data sets, and their projections against scikit-learn and SciPy."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch import distributions

from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, DataError
from vae_core.latent.latents import (
    Latents,
    active_dimensions,
    active_units_error,
    class_mean,
    common_rows,
    encode_dataset,
    nearest,
    prior_percentile,
    reach,
)
from vae_core.latent.projections import pca_projection, tsne_projection
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.priors import kl_to_standard_normal


def dataset(n: int = 1203) -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    return ImageDataset(
        name="noise",
        split="test",
        images=torch.randint(0, 256, (n, 1, 3, 2), generator=generator, dtype=torch.uint8),
        labels=torch.arange(n) % 3,
        factors=torch.rand(n, 2, generator=generator),
        class_names=("a", "b", "c"),
        factor_names=("size", "angle"),
    )


@pytest.fixture(scope="module")
def model() -> LatentModel:
    torch.manual_seed(0)
    return build_model(ModelConfig((1, 3, 2), latent_dim=3, hidden=(5,))).eval()


def test_a_data_set_is_encoded_in_its_order(model: LatentModel) -> None:
    data = dataset()
    latents = encode_dataset(model, data)
    mu, logvar = model.encode(data.floats())
    torch.testing.assert_close(latents.mu, mu.detach())
    torch.testing.assert_close(latents.logvar, logvar.detach())
    torch.testing.assert_close(
        latents.reconstruction, model.log_likelihood(data.floats(), mu).detach()
    )
    assert torch.equal(latents.indices, torch.arange(1203))
    assert latents.labels is not None and torch.equal(latents.labels, torch.arange(1203) % 3)
    assert len(latents) == 1203


def test_a_classifier_can_learn_from_the_codes_of_a_data_set(model: LatentModel) -> None:
    latents = encode_dataset(model, dataset(20))
    probe = torch.nn.Linear(3, 3)
    loss = torch.nn.functional.cross_entropy(probe(latents.mu), latents.labels)
    loss.backward()
    assert float(probe.weight.grad.abs().sum()) > 0


def test_chosen_images_are_encoded_in_the_chosen_order(model: LatentModel) -> None:
    data, chosen = dataset(), torch.tensor([700, 3, 3, 1100])
    latents, everything = encode_dataset(model, data, chosen), encode_dataset(model, data)
    for name, column in vars(latents).items():
        whole = getattr(everything, name)
        torch.testing.assert_close(column, None if whole is None else whole[chosen])


def test_taken_rows_keep_their_order(model: LatentModel) -> None:
    latents = encode_dataset(model, dataset(9))
    taken = latents.take([5, 0, 5])
    assert taken.indices.tolist() == [5, 0, 5]
    assert torch.equal(taken.mu, latents.mu[[5, 0, 5]])


def test_the_kl_of_each_image_is_that_of_torch(model: LatentModel) -> None:
    latents = encode_dataset(model, dataset(20))
    oracle = distributions.kl_divergence(
        distributions.Normal(latents.mu, latents.sigma), distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(latents.kl, oracle.sum(1))
    torch.testing.assert_close(latents.kl_per_dim, oracle.mean(0))


def test_use_is_the_kl_and_without_a_posterior_the_variance_of_mu(model: LatentModel) -> None:
    latents = encode_dataset(model, dataset(20))
    torch.testing.assert_close(latents.use, latents.kl_per_dim)
    config = ModelConfig((1, 3, 2), latent_dim=3, hidden=(5,), kind="autoencoder")
    codes = encode_dataset(build_model(config).eval(), dataset(20))
    variance = codes.mu.double().numpy().var(0, ddof=1)
    np.testing.assert_allclose(codes.use, variance, rtol=1e-5)


def test_under_another_prior_the_kl_is_to_that_prior() -> None:
    torch.manual_seed(0)
    config = ModelConfig((1, 3, 2), latent_dim=3, hidden=(5,), prior="vamp", pseudo_inputs=1)
    model = build_model(config).eval()
    with torch.no_grad():
        model.encoder[-1].bias.copy_(torch.tensor([3.0, -2.0, 1.0, -2.0, -1.0, -3.0]))
    latents = encode_dataset(model, dataset())
    (mu,), (logvar,) = (t.detach() for t in model.encode(model.pseudo_inputs))  # one Gaussian
    prior = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    posterior = torch.distributions.Normal(latents.mu, latents.sigma)
    exact = torch.distributions.kl_divergence(posterior, prior)
    torch.testing.assert_close(latents.kl_per_dim, exact.mean(0), atol=0.02, rtol=0.05)
    assert latents.kl.mean() < 1 < kl_to_standard_normal(latents.mu, latents.logvar).sum(1).min()
    assert torch.equal(latents.take([4, 1]).kl, latents.kl[[4, 1]])


def test_the_table_has_a_named_column_for_everything(model: LatentModel) -> None:
    data = dataset(6)
    latents = encode_dataset(model, data)
    table = latents.table(data.class_names, data.factor_names)
    assert list(table) == [
        *("index", "label", "mu_1", "mu_2", "mu_3", "sigma_1", "sigma_2", "sigma_3"),
        *("kl", "log_px_given_mu", "size", "angle"),
    ]
    assert {len(column) for column in table.values()} == {6}
    assert table["label"].tolist() == list("abcabc")
    np.testing.assert_array_equal(table["mu_2"], latents.mu[:, 1])


def test_a_code_without_a_posterior_has_no_width_in_the_table(model: LatentModel) -> None:
    latents = encode_dataset(model, dataset(6))
    point = dataclasses.replace(latents, logvar=torch.full_like(latents.logvar, -math.inf))
    lacking = latents.table().keys() - point.table().keys()
    assert lacking == {"sigma_1", "sigma_2", "sigma_3", "kl"}


def test_the_table_does_without_names(model: LatentModel) -> None:
    table = encode_dataset(model, dataset(6)).table()
    assert table["label"].tolist() == [0, 1, 2, 0, 1, 2]
    assert list(table)[-2:] == ["factor_1", "factor_2"]


def test_images_of_another_shape_are_refused(model: LatentModel) -> None:
    other = ImageDataset("other", "test", torch.zeros(3, 3, 3, 2, dtype=torch.uint8))
    with pytest.raises(DataError, match=r"\(1, 3, 2\), but other has \(3, 3, 2\)"):
        encode_dataset(model, other)


@pytest.mark.parametrize(
    "change",
    [
        {"mu": torch.zeros(4, 2)},
        {"mu": torch.zeros(3, 2), "logvar": torch.zeros(3, 3)},
        {"mu": torch.zeros(3), "logvar": torch.zeros(3)},
        {"indices": torch.arange(2)},
        {"indices": torch.tensor(3)},
        {"reconstruction": torch.zeros(3, 1)},
        {"labels": torch.zeros(2, dtype=torch.int64)},
        {"factors": torch.zeros(3)},
    ],
)
def test_columns_that_clash_are_refused(change: dict[str, torch.Tensor]) -> None:
    latents = Latents(torch.zeros(3, 2), torch.zeros(3, 2), torch.arange(3), torch.zeros(3))
    with pytest.raises(DataError):
        dataclasses.replace(latents, **change)


def test_dimensions_are_active_where_their_mean_varies() -> None:
    mu = torch.randn(5000, 4, generator=torch.Generator().manual_seed(0))
    mu *= torch.tensor([1.0, 0.0, 0.15, 0.05])
    assert active_dimensions(mu).tolist() == [True, False, True, False]


# Projections


def codes(n: int = 60, d: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(n, d, generator=generator) * torch.arange(1.0, d + 1) + 3


@pytest.mark.parametrize("dims", [2, 3])
def test_the_pca_axes_are_those_of_scikit_learn(dims: int) -> None:
    mu = codes()
    centre, axes, ratio = pca_projection(mu, dims)
    oracle = PCA(dims)
    coordinates = oracle.fit_transform(mu.numpy())
    ours = ((mu - centre) @ axes.T).numpy()
    signs = np.sign((ours * coordinates).sum(0))
    np.testing.assert_allclose(ours, coordinates * signs, atol=1e-4)
    np.testing.assert_allclose(ratio, oracle.explained_variance_ratio_, rtol=1e-5)
    torch.testing.assert_close(axes @ axes.T, torch.eye(dims))


def test_pca_of_two_dimensions_loses_nothing() -> None:
    mu = codes(d=2)
    centre, axes, ratio = pca_projection(mu)
    torch.testing.assert_close((mu - centre) @ axes.T @ axes + centre, mu)
    assert ratio.sum().item() == pytest.approx(1)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning:sklearn")
def test_pca_of_a_collapsed_code_is_finite() -> None:
    for part in pca_projection(torch.ones(8, 3)):
        assert part.isfinite().all()


@pytest.mark.parametrize("shape", [(5, 1), (1, 5)])
def test_pca_wants_two_points_and_two_dimensions(shape: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"mu is \("):
        pca_projection(torch.zeros(shape))


def clusters() -> torch.Tensor:
    """60 points in three far clusters."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(60, 4, generator=generator) + 30 * torch.eye(4)[torch.arange(60) % 3]


def test_tsne_keeps_clusters_together_and_reports_its_progress() -> None:
    seen: list[float] = []

    def on_progress(fraction: float, embedding: torch.Tensor) -> bool:
        assert embedding.shape == (60, 2)
        seen.append(fraction)
        return True

    embedding = tsne_projection(clusters(), perplexity=8, on_progress=on_progress)
    assert embedding.shape == (60, 2) and embedding.isfinite().all()
    distances = torch.cdist(embedding, embedding).fill_diagonal_(torch.inf)
    assert (distances.argmin(1) % 3 == torch.arange(60) % 3).all()
    assert seen == sorted(seen) and len(seen) > 10 and seen[-1] == 1
    assert torch.equal(embedding, tsne_projection(clusters(), perplexity=8))


@pytest.mark.parametrize("reports", [1, 15])
def test_tsne_stops_when_asked_and_keeps_what_it_reached(reports: int) -> None:
    seen: list[torch.Tensor] = []

    def on_progress(_: float, embedding: torch.Tensor) -> bool:
        seen.append(embedding)
        return len(seen) < reports

    embedding = tsne_projection(clusters(), on_progress=on_progress)
    assert len(seen) == reports
    assert torch.equal(embedding, seen[-1])


def test_tsne_of_very_few_points() -> None:
    assert tsne_projection(codes(4)).shape == (4, 2)
    with pytest.raises(ConfigError, match="there are 3"):
        tsne_projection(codes(3))


def test_tsne_goes_on_when_nothing_is_answered() -> None:
    shares: list[float] = []
    tsne_projection(clusters(), perplexity=8, on_progress=lambda share, _: shares.append(share))
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("mu", "perplexity"),
    [
        (torch.ones(9, 2), 3.0),  # a collapsed encoder
        (torch.arange(9.0)[:, None], 3.0),
        (torch.full((9, 2), math.inf), 3.0),
        (torch.randn(9, 2), math.nan),
        (torch.randn(9, 2), 0.0),
    ],
)
def test_points_that_tsne_cannot_place_are_refused(mu: torch.Tensor, perplexity: float) -> None:
    with pytest.raises(ConfigError):
        tsne_projection(mu, perplexity=perplexity)


# Neighbours and the prior


def test_the_nearest_come_first() -> None:
    mu, z = codes(40), codes(1)[0]
    order = torch.linalg.norm(mu - z, dim=1).argsort()
    assert torch.equal(nearest(mu, z, 5), order[:5])
    assert len(nearest(mu, z, 100)) == 40


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=20))
def test_the_percentile_of_z_is_that_of_the_chi_square(z: list[float]) -> None:
    oracle = scipy.stats.chi2.cdf(sum(value**2 for value in z), len(z))
    assert prior_percentile(torch.tensor(z, dtype=torch.float64)) == pytest.approx(oracle)
    assert prior_percentile(z) == pytest.approx(oracle)


@given(st.floats(-8, 8))
def test_in_one_dimension_the_percentile_is_that_of_the_normal(z: float) -> None:
    oracle = scipy.stats.norm.cdf(abs(z)) - scipy.stats.norm.cdf(-abs(z))
    assert prior_percentile([z]) == pytest.approx(oracle, abs=1e-9)


def test_the_mean_of_a_class_is_that_of_its_codes(model: LatentModel) -> None:
    latents = encode_dataset(model, dataset(9))
    torch.testing.assert_close(class_mean(latents, 1), latents.mu[[1, 4, 7]].mean(0))
    with pytest.raises(DataError, match="class 7"):
        class_mean(latents, 7)


def test_common_rows_are_of_the_same_images(model: LatentModel) -> None:
    data = dataset()
    a = encode_dataset(model, data, torch.tensor([9, 2, 7, 40]))
    b = encode_dataset(model, data, torch.tensor([40, 3, 9]))
    rows_a, rows_b = common_rows(a, b)
    assert a.indices[rows_a].tolist() == b.indices[rows_b].tolist() == [9, 40]
    torch.testing.assert_close(a.mu[rows_a], b.mu[rows_b])


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_codes_reach_as_far_as_their_distribution_says(share: float) -> None:
    """Of normal codes the share within r of 0 is that of a half-normal distribution."""
    sigma = torch.tensor([1.0, 2.5, 0.1])
    codes = sigma * torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0))
    expected = scipy.stats.halfnorm(scale=2.5).ppf(share)
    assert reach(codes, share) == pytest.approx(expected, rel=0.01)
    assert reach(codes.numpy(), 1.0) == float(codes.abs().max())


def test_active_units_have_the_error_of_other_images() -> None:
    """One unit is far above the bound, one far below, one on it; of 200 other sets of images."""
    deviations = torch.tensor([1.0, 0.01, 0.1])
    counts, errors = [], []
    for seed in range(200):
        mu = deviations * torch.randn(500, 3, generator=torch.Generator().manual_seed(seed))
        counts.append(float(active_dimensions(mu).sum()))
        errors.append(active_units_error(mu))
    assert 0.7 < sum(errors) / len(errors) / float(torch.tensor(counts).std()) < 1.1
    assert active_units_error(torch.zeros(9, 2)) == pytest.approx(0, abs=1e-9)
    assert active_units_error(mu[:, :2]) == pytest.approx(0, abs=1e-6)
