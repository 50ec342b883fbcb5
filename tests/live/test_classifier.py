"""The classifiers that the plane asks for, as their bytes have them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from starlette.applications import Starlette
from starlette.testclient import TestClient

from live import routes
from live.models import open_model
from live.visitors import COOKIE, signer
from live.weights import classifier
from live.weights.classifier import MAX_DECODING, MAX_STEP
from tests.live.conftest import save_small_model
from vae_core.checkpoints.reading import load_checkpoint, load_latents
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.own.images import read_images, write_images
from vae_core.errors import DataError
from vae_core.latent.latents import Latents
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.runs.run import create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

CLASSES = torch.tensor([3, 3, 5, 5, 9, 9, 9])


@pytest.fixture
def labelled(checkpoints: Path) -> Iterator[str]:
    """The id of a model whose stored codes are of three classes."""
    save_small_model(checkpoints / "small", seed=4)
    latents = load_latents(checkpoints / "small")
    assert latents is not None
    model = load_checkpoint(checkpoints / "small")
    save_checkpoint(checkpoints / "labelled", model, latents=replace(latents, labels=CLASSES))
    yield "labelled"


def unpacked(data: bytes) -> tuple[list[int], list[int], np.ndarray, np.ndarray]:
    """Its head, labels, weight (K, n) and bias (K,)."""
    k, n = np.frombuffer(data, "<u4", 2)
    labels = np.frombuffer(data, "<u4", k, 16)
    numbers = np.frombuffer(data, "<f4", offset=16 + 4 * k)
    head = np.frombuffer(data, "<u4", 4)
    return head.tolist(), labels.tolist(), numbers[: k * n].reshape(k, n), numbers[k * n :]


def test_a_classifier_of_codes_is_that_of_scikit_learn(client: TestClient, labelled: str) -> None:
    response = client.get("/live/classifier", params={"model": labelled, "of": "codes"})
    assert response.status_code == 200
    head, labels, weight, bias = unpacked(response.content)
    assert head == [3, 3, 7, 1]
    assert labels == [3, 5, 9]
    latents = open_model(labelled).latents
    assert latents is not None
    fit = LogisticRegression(max_iter=1_000).fit(latents.mu.numpy(), CLASSES.numpy())
    logits = latents.mu.numpy() @ weight.T + bias
    odds = np.exp(logits - logits.max(1, keepdims=True))
    expected = fit.predict_proba(latents.mu.numpy())
    assert odds / odds.sum(1, keepdims=True) == pytest.approx(expected, abs=1e-3)


def test_without_data_images_are_those_that_the_codes_decode_to(
    client: TestClient, labelled: str
) -> None:
    response = client.get("/live/classifier", params={"model": labelled, "of": "images"})
    head, labels, weight, _ = unpacked(response.content)
    assert head == [3, 60, 7, 0]  # 3 x 5 x 4 pixels
    assert labels == [3, 5, 9] and weight.shape == (3, 60)


@pytest.mark.parametrize(
    ("model", "of", "status", "why"),
    [
        ("small", "codes", 422, "no stored codes of images with classes"),
        ("gone", "codes", 404, "gone"),
        ("../small", "images", 404, "model"),
        ("labelled", "pixels", 404, "codes or of images"),
    ],
)
def test_where_there_can_be_none_a_sentence_says_so(
    client: TestClient, labelled: str, model: str, of: str, status: int, why: str
) -> None:
    response = client.get("/live/classifier", params={"model": model, "of": of})
    assert response.status_code == status
    assert why in response.text


def of_codes(checkpoints: Path, mu: torch.Tensor, labels: torch.Tensor) -> None:
    """Let `made` have these stored codes (n, d)."""
    n, d = mu.shape
    model = build_model(ModelConfig((1, 4, 4), latent_dim=d, hidden=(4,)))
    same = {"indices": torch.arange(n), "reconstruction": torch.zeros(n), "labels": labels}
    save_checkpoint(checkpoints / "made", model, latents=Latents(mu, torch.zeros(n, d), **same))


@pytest.mark.parametrize("of", ["codes", "images"])
def test_a_fit_takes_no_more_work_than_the_server_has_time_for(
    client: TestClient, checkpoints: Path, of: str
) -> None:
    n, d, k = 9_000, 64, 60
    torch.manual_seed(0)
    of_codes(checkpoints, torch.randn(n, d), torch.arange(n) % k)
    response = client.get("/live/classifier", params={"model": "made", "of": of})
    (classes, size, images, _), *_ = unpacked(response.content)
    assert classes == k and classes * size * images <= MAX_STEP
    decoded = images * open_model("made").model.cost.decode if of == "images" else 0
    assert decoded <= MAX_DECODING


def test_images_of_a_slow_decoder_are_fewer(
    client: TestClient, labelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = open_model(labelled).model.cost.decode
    monkeypatch.setattr(classifier, "MAX_DECODING", 5 * cost)
    response = client.get("/live/classifier", params={"model": labelled, "of": "images"})
    assert unpacked(response.content)[0][2] == 5


def test_codes_of_too_many_classes_are_refused(client: TestClient, checkpoints: Path) -> None:
    torch.manual_seed(0)
    of_codes(checkpoints, torch.randn(3_000, 120), torch.arange(3_000) % 1_000)
    response = client.get("/live/classifier", params={"model": "made", "of": "codes"})
    assert response.status_code == 422 and "too many classes" in response.text


@pytest.mark.parametrize("shift", [-1, 2**40])
def test_codes_in_memory_of_classes_not_numbered_from_0_are_refused(
    checkpoints: Path, shift: int
) -> None:
    labels = torch.arange(300) % 3
    of_codes(checkpoints, torch.randn(300, 2), labels)
    opened = open_model("made")
    assert opened.latents is not None
    moved = replace(opened, latents=replace(opened.latents, labels=labels + shift))
    with pytest.raises(DataError, match="not numbered from 0"):
        classifier.fitted(moved, classifier.CODES)


def test_only_who_may_see_own_images_gets_a_classifier_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    pixels, classes = rng.integers(0, 256, (60, 6, 5), dtype=np.uint8), np.arange(60) % 3
    np.savez(tmp_path / "mine.npz", x=pixels, y=classes)
    train, test = read_images(tmp_path / "mine.npz")
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "runs"))
    config = TrainConfig(dataset=train.name, hidden=(4,), epochs=1, batch_size=8)
    owner = hashlib.sha256(b"ann").hexdigest()
    run = create_run(
        config,
        tmp_path / "runs" / "mine-0001",
        owner,
        lambda run: write_images(run.images_file, train, test),
    )
    work(run)
    client = TestClient(Starlette(routes=routes))

    def real(cookie: str, of: str) -> int:
        response = client.get(
            "/live/classifier",
            params={"model": "run:mine-0001", "of": of},
            headers={"Cookie": f"{COOKIE}={signer().sign(cookie).decode()}"},
        )
        assert response.headers["cache-control"] == "no-store"
        return unpacked(response.content)[0][3]

    assert real("ann", "images") == 1
    assert real("bob", "images") == 0  # of what the decoder makes of their codes
    assert real("ann", "images") == 1
    assert real("bob", "codes") == real("ann", "codes") == 1
