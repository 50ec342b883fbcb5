"""Accuracy on codes that tell everything, nothing, and what PCA tells."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import DataError
from vae_core.measures.codes.accuracy import classify_codes
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel


@pytest.fixture(scope="module")
def digits() -> tuple[ImageDataset, ImageDataset]:
    return load_dataset("digits", "train"), load_dataset("digits", "test")


def linear_encoder(weight: torch.Tensor, bias: torch.Tensor) -> LatentModel:
    """mu = weight @ pixels + bias, on 8x8 images."""
    d = len(weight)
    model = build_model(ModelConfig((1, 8, 8), d, hidden=())).eval().requires_grad_(False)
    model.encoder[1].weight[:d] = weight
    model.encoder[1].bias[:d] = bias
    return model


def test_an_encoder_that_is_pca_scores_as_pca(digits: tuple[ImageDataset, ImageDataset]) -> None:
    train, test = digits
    pca = PCA(n_components=5, random_state=0).fit(train.floats().flatten(1).numpy())
    components = torch.from_numpy(pca.components_)
    model = linear_encoder(components, -components @ torch.from_numpy(pca.mean_))
    scores = classify_codes(model, train, test, neighbours=7)
    assert scores.knn == scores.pca_knn and scores.linear == pytest.approx(scores.pca_linear)
    neighbours = KNeighborsClassifier(7).fit(
        pca.transform(train.floats().flatten(1).numpy()), train.labels
    )
    oracle = neighbours.score(pca.transform(test.floats().flatten(1).numpy()), test.labels)
    assert scores.knn == pytest.approx(oracle)
    assert scores.knn_se == pytest.approx((oracle * (1 - oracle) / len(test)) ** 0.5)
    assert (scores.train_images, scores.test_images, scores.dimensions) == (1437, 360, 5)


def test_constant_codes_are_at_chance(digits: tuple[ImageDataset, ImageDataset]) -> None:
    scores = classify_codes(linear_encoder(torch.zeros(2, 64), torch.zeros(2)), *digits)
    assert max(scores.knn, scores.linear) < 0.15 < scores.pca_knn
    assert scores.chance == pytest.approx(np.bincount(digits[1].labels).max() / 360)


def test_codes_that_are_the_class_score_one() -> None:
    labels = torch.arange(300) % 3
    images = (labels * 100).to(torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()
    data = ImageDataset("bright", "train", images, labels, class_names=("a", "b", "c"))
    scores = classify_codes(linear_encoder(torch.ones(1, 64), torch.zeros(1)), data, data)
    assert (scores.knn, scores.linear, scores.knn_se) == (1, 1, 0)


def test_a_seed_draws_the_images(digits: tuple[ImageDataset, ImageDataset]) -> None:
    model = linear_encoder(torch.eye(64)[:4], torch.zeros(4))
    first = classify_codes(model, *digits, at_most=200, seed=1)
    assert (first.train_images, first.test_images) == (200, 200)
    assert first == classify_codes(model, *digits, at_most=200, seed=1)
    assert first.pca_linear != classify_codes(model, *digits, at_most=200, seed=2).pca_linear


def test_images_of_one_class_are_refused() -> None:
    images = torch.zeros(9, 1, 8, 8, dtype=torch.uint8)
    data = ImageDataset("alike", "train", images, torch.zeros(9).long(), class_names=("a",))
    with pytest.raises(DataError, match="nothing to tell apart"):
        classify_codes(linear_encoder(torch.ones(1, 64), torch.zeros(1)), data, data)


def test_data_without_labels_is_refused(digits: tuple[ImageDataset, ImageDataset]) -> None:
    bare = replace(digits[0], labels=None)
    with pytest.raises(DataError, match="digits has no labels"):
        classify_codes(linear_encoder(torch.zeros(2, 64), torch.zeros(2)), bare, digits[1])
