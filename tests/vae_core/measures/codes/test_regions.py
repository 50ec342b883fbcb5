"""Regions are those of an independent classifier, and no border is nearer than the one found."""

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from vae_core.errors import DataError
from vae_core.measures.codes.regions import (
    LinearClassifier,
    class_map,
    entropy,
    fit_linear,
    nearest_on_plane,
    nearest_other,
    of_images,
)
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


def heaps(classes: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Gaussian heaps of 60 codes each, of labels 0, 2, 4, …"""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(60 * classes) % classes
    middles = 3 * torch.randn(classes, d, generator=generator)
    return middles[labels] + torch.randn(len(labels), d, generator=generator), 2 * labels


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_probabilities_are_those_of_scikit_learn(classes: int) -> None:
    codes, labels = heaps(classes, 4)
    found = fit_linear(codes, labels)
    fit = LogisticRegression(max_iter=1_000).fit(codes.numpy(), labels.numpy())
    expected = torch.from_numpy(fit.predict_proba(codes.numpy())).float()
    torch.testing.assert_close(found.log_probs(codes).exp(), expected, atol=1e-5, rtol=1e-3)
    assert (found.told(codes) == torch.from_numpy(fit.predict(codes.numpy()))).all()
    assert found.images == len(codes)


def test_fewer_codes_than_dimensions_give_the_same_classifier() -> None:
    codes, labels = heaps(3, 400)
    codes, labels = codes[:30].double(), labels[:30]
    found = fit_linear(codes, labels)
    fit = LogisticRegression(max_iter=10_000, tol=1e-8).fit(codes.numpy(), labels.numpy())
    others = heaps(3, 400)[0]
    expected = torch.from_numpy(fit.predict_proba(others.double().numpy())).float()
    torch.testing.assert_close(found.log_probs(others).exp(), expected, atol=2e-3, rtol=0)


def test_labels_of_one_class_have_no_border() -> None:
    with pytest.raises(DataError, match="one class"):
        fit_linear(torch.randn(5, 2), torch.ones(5, dtype=torch.int64))


def test_two_gaussians_of_one_covariance_part_half_way() -> None:
    # Means at -m and m, covariance I: the log odds are 2 m'x, and the border passes through 0.
    m = torch.tensor([1.0, 0.5])
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40_000) % 2
    codes = (2.0 * labels[:, None] - 1) * m + torch.randn(40_000, 2, generator=generator)
    found = fit_linear(codes, labels)
    torch.testing.assert_close(found.weight[1] - found.weight[0], 2 * m, atol=0.06, rtol=0)
    other = nearest_other(found, m)
    assert other.label == 0
    assert other.distance == pytest.approx(float(m.norm()), abs=0.03)
    torch.testing.assert_close(other.z, torch.zeros(2), atol=0.04, rtol=0)


def test_entropy_is_that_of_torch_and_nothing_where_all_is_certain() -> None:
    logits = torch.randn(50, 6, generator=torch.Generator().manual_seed(1))
    expected = torch.distributions.Categorical(logits=logits).entropy()
    torch.testing.assert_close(entropy(logits.log_softmax(1)), expected)
    assert entropy(torch.tensor([0.0, -math.inf])) == 0
    assert entropy(torch.zeros(8).log_softmax(0)) == pytest.approx(math.log(8))


def test_the_nearest_border_is_the_one_that_no_draw_is_nearer_than() -> None:
    codes, labels = heaps(5, 3)
    found = fit_linear(codes, labels)
    generator = torch.Generator().manual_seed(2)
    for z in codes[:20]:
        other = nearest_other(found, z)
        first, second = found.logits(other.z[None])[0].topk(2).values.tolist()
        assert first == pytest.approx(second, abs=1e-4)  # two classes are as likely as each other
        assert float((other.z - z).norm()) == pytest.approx(other.distance, rel=1e-4)
        here = found.told(z[None])
        way = torch.randn(5_000, 3, generator=generator)
        nearer = z + 0.999 * other.distance * way / way.norm(dim=1, keepdim=True)
        assert (found.told(nearer) == here).all()
        beyond = z + 1.001 * (other.z - z)
        assert int(found.told(beyond[None])) == other.label != int(here)


def test_the_map_has_the_classes_of_its_cells_on_the_plane_through_z() -> None:
    codes, labels = heaps(4, 5)
    found = fit_linear(codes, labels)
    axes = torch.linalg.qr(torch.randn(5, 2, generator=torch.Generator().manual_seed(3)))[0].T
    origin, z = codes[0], codes[1]
    mapped = class_map(found.log_probs, z, axes, origin, half=2.0, side=8)
    assert mapped.shape == (8, 8, 4)
    a, b = (torch.tensor([1.75, 1.25]), (z - origin) @ axes.T)  # the last column, the second row
    expected = found.log_probs((z + (a - b) @ axes)[None])[0]
    torch.testing.assert_close(mapped[1, 7], expected, atol=1e-4, rtol=1e-4)


def test_the_search_along_a_plane_finds_what_the_closed_form_has() -> None:
    codes, labels = heaps(4, 2)
    found = fit_linear(codes, labels)
    for z in codes[:10]:
        expected = nearest_other(found, z)
        by_search = nearest_on_plane(found.log_probs, found.labels, z, torch.eye(2), most=12.0)
        assert by_search is not None
        assert by_search.label == expected.label
        assert by_search.distance == pytest.approx(expected.distance, rel=0.002, abs=0.005)


def test_where_one_class_is_told_everywhere_no_other_is_found() -> None:
    one = LinearClassifier(torch.zeros(2, 2), torch.tensor([1.0, 0.0]), torch.tensor([0, 1]), 2)
    assert nearest_on_plane(one.log_probs, one.labels, torch.zeros(2), torch.eye(2), most=5) is None
    with pytest.raises(DataError, match="one class everywhere"):
        nearest_other(one, torch.zeros(2))


def test_images_are_told_by_what_z_decodes_to() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig((1, 4, 4), latent_dim=2, hidden=(8,))).eval()
    pixels = nn.Linear(16, 3)
    classifier = LinearClassifier(
        pixels.weight.detach(), pixels.bias.detach(), torch.arange(3), images=1
    )
    z = torch.randn(700, 2)
    with torch.no_grad():
        expected = pixels(model.decode(z).flatten(1)).log_softmax(1)
    torch.testing.assert_close(of_images(model, classifier)(z), expected)
