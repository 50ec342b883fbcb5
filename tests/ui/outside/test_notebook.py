"""The widget of a notebook, without a browser: what it takes, what it tells, what it refuses."""

from __future__ import annotations

import importlib
import json
import struct
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from live.worker import Verb, computed
from ui.outside import notebook
from ui.outside.notebook import LatentPlane
from vae_core.checkpoints.reading import load_checkpoint, load_latents
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError, DataError, ZscapeError
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.vae import VAE

IMAGES = torch.randint(0, 256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0))
IMAGES = IMAGES.to(torch.uint8)


class Doubled(nn.Module):
    """A layer that no engine knows."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def vae(latent_dim: int = 2, *, strange: bool = False) -> LatentModel:
    torch.manual_seed(0)
    config = ModelConfig(image_shape=(1, 8, 8), latent_dim=latent_dim, hidden=(6,))
    model = build_model(config).eval()
    if strange:
        model.decoder = nn.Sequential(Doubled(), model.decoder)
    return model


@pytest.fixture(scope="module")
def plane() -> LatentPlane:
    return LatentPlane(vae(), (IMAGES, torch.arange(40) % 3))


def head_of(weights: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", weights)
    head: dict[str, Any] = json.loads(weights[4 : 4 + length])
    return head


def part(plane: LatentPlane, name: str) -> bytes:
    at, length = plane._told["layout"].get(name, (0, 0))
    return plane._data[at : at + length]


def asked(plane: LatentPlane, verb: int, rows: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    question = {"view": "v", "ticket": 7, "verb": verb, "rows": len(rows)}
    return plane._kernel.answer(question, [memoryview(rows.tobytes())])


@pytest.mark.parametrize(
    "z", [[0.5, -1], (0.5, -1), np.array([0.5, -1]), torch.tensor([0.5, -1.0], requires_grad=True)]
)
def test_z_is_plain_numbers_whatever_it_was_set_to(plane: LatentPlane, z: Any) -> None:
    plane.z = z
    assert plane.z == (0.5, -1.0)
    assert plane.get_state("z") == {"z": (0.5, -1.0)}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("z", [1, 2, 3], r"latent_dim=2, but z is \(3,\); give 2 numbers"),
        ("z", [float("nan"), 0], "z holds NaN or infinity; give finite numbers"),
        ("z", "ab", "z holds no numbers"),
        ("z", None, r"latent_dim=2, but z is \(\); give 2 numbers"),
        ("stops", [[0, 0], [1]], r"latent_dim=2, but a stop is \(1,\)"),
        ("stops", 3, "a stop holds no numbers"),
        ("selected", [40], "selected holds row 40, which is not shown"),
        ("selected", "first", "selected is to be rows of the data"),
        ("mode", "draw", "mode='draw'; choose one of cursor, select, stops"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    plane: LatentPlane, name: str, value: Any, said: str
) -> None:
    before = getattr(plane, name)
    with pytest.raises(ConfigError, match=said):
        setattr(plane, name, value)
    assert getattr(plane, name) == before


def test_rows_are_the_datas_where_few_points_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST_POINT_BYTES", 360)  # ten of 36 bytes
    plane = LatentPlane(vae(), (IMAGES, None))
    shown = np.frombuffer(part(plane, "rows"), "<u4")
    assert plane._told["note"] == "10 of 40 points are shown, evenly spread."
    assert len(shown) == 10
    assert (np.diff(shown) > 3).all()
    codes = np.frombuffer(part(plane, "codes"), "<f4").reshape(10, 2)
    mu, _ = vae().encode(IMAGES[shown.tolist()] / 255)
    assert np.abs(codes - mu.detach().numpy()).max() < 1e-6
    plane.selected = [39, 0]
    assert plane.get_state("selected") == {"selected": [0, 9]}
    plane.set_state({"selected": [1, 2]})
    assert plane.selected == tuple(shown[[1, 2]])
    with pytest.raises(ConfigError, match="row 1, which is not shown"):
        plane.selected = [1]


def test_a_model_that_the_engine_knows_goes_along_as_float16(plane: LatentPlane) -> None:
    head = head_of(part(plane, "weights"))
    assert (head["coding"], head["latent_dim"], head["encoder"] is None) == ("float16", 2, False)


def test_a_decoder_goes_without_its_encoder_where_both_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("live.weights.MAX_BYTES", 1400)
    assert head_of(part(LatentPlane(vae()), "weights"))["encoder"] is None


def test_the_kernel_answers_for_a_model_that_the_engine_does_not_know() -> None:
    plane = LatentPlane(vae(strange=True), (IMAGES, None))
    assert part(plane, "weights") == b""
    z = np.array([[0.5, -1], [1, 0]], "<f4")
    told, pixels = asked(plane, Verb.DECODE, z)
    assert told == {"view": "v", "ticket": 7, "real": False, "rows": 2}
    expected = vae().decode(torch.from_numpy(2 * z)).detach()
    assert np.abs(pixels.reshape(2, 64) / 255 - expected.flatten(1).numpy()).max() <= 0.5001 / 255


def test_real_images_come_from_the_kernel(plane: LatentPlane) -> None:
    told, pixels = asked(plane, 4, np.array([3, 39], "<u4"))
    assert told["real"]
    assert (pixels == IMAGES[[3, 39]].permute(0, 2, 3, 1).numpy()).all()


def test_latents_alone_have_decoded_images() -> None:
    model, latents = load_checkpoint("checkpoints/digits-2d"), load_latents("checkpoints/digits-2d")
    told, pixels = asked(LatentPlane(model, latents), 4, np.array([5], "<u4"))
    assert latents is not None
    assert not told["real"]
    assert (pixels == computed(model, Verb.DECODE, latents.mu[[5]].numpy())).all()


@pytest.mark.parametrize(
    ("verb", "rows", "said"),
    [
        (Verb.DECODE, np.array([[np.nan, 0]], "<f4"), "z holds NaN"),
        (99, np.zeros((1, 2), "<f4"), "There is no verb 99"),
        (4, np.array([40], "<u4"), "Row 40 was asked for"),
    ],
)
def test_what_nobody_can_answer_is_said(
    plane: LatentPlane, verb: int, rows: np.ndarray, said: str
) -> None:
    told, _ = asked(plane, verb, rows)
    assert said in told["error"]


def test_a_model_that_fails_says_so() -> None:
    class Failing(VAE):
        def decode(self, z: Tensor) -> Tensor:
            raise RuntimeError("out of paper")

    model = vae()
    model.__class__ = Failing
    told, _ = asked(LatentPlane(model), Verb.DECODE, np.zeros((1, 2), "<f4"))
    assert told["error"] == "The model failed in the kernel: out of paper"


def test_training_goes_on_beside_what_is_shown() -> None:
    model = vae().train()
    plane = LatentPlane(model)
    before = part(plane, "weights")
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1)
    assert model.training
    z = np.zeros((1, 2), "<f4")
    _, pixels = asked(plane, Verb.DECODE, z)
    assert (pixels == computed(vae(), Verb.DECODE, z)).all()
    assert part(LatentPlane(vae()), "weights") == before


def test_images_are_taken_in_the_forms_that_people_have_them() -> None:
    names = np.array(["cat", "dog"])[np.arange(40) % 2]
    planes = [
        LatentPlane(vae(), data)
        for data in (
            (IMAGES, names),
            (IMAGES.numpy()[:, 0], names),
            (IMAGES / 255, names.tolist()),
            ImageDataset("mine", "all", IMAGES, torch.arange(40) % 2, class_names=("cat", "dog")),
        )
    ]
    assert len({plane._data for plane in planes}) == 1
    assert planes[0]._told["description"]["points"]["names"] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("mnist", "data is of type str; give an ImageDataset"),
        (IMAGES, "data is of type Tensor; give an ImageDataset"),
        ((IMAGES, [1, 2]), r"labels are \(2,\), but there are 40 images"),
        ((IMAGES, np.full(40, np.nan)), "A label is NaN"),
        ((IMAGES.float(), None), "images run from 0 to 255, not from 0 to 1"),
        ((IMAGES[:, :, :, :5], None), "The model reads images of"),
        ((IMAGES.int(), None), "images are int32; give uint8, or floats"),
        ((IMAGES[:0], None), r"images are \(0, 1, 8, 8\)"),
        ((IMAGES.repeat(8, 1, 1, 1), np.arange(320)), "There are 320 classes"),
    ],
)
def test_data_that_are_none_are_refused(data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        LatentPlane(vae(), data)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Linear(2, 2), "model is of type Linear, which has neither encode nor decode"),
        ("no-such-model", "no-such-model"),
    ],
)
def test_models_that_are_none_are_refused(model: Any, said: str) -> None:
    with pytest.raises(ZscapeError, match=said):
        LatentPlane(model)


def test_a_model_from_outside_is_taken_and_the_kernel_decodes_it() -> None:
    class Stranger(nn.Module):
        def encode(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :2]

        def decode(self, z: Tensor) -> Tensor:
            return torch.sigmoid(z.sum(1)).repeat(64, 1).T.reshape(-1, 1, 8, 8)

    plane = LatentPlane(Stranger(), (IMAGES, None))
    codes = np.frombuffer(part(plane, "codes"), "<f4").reshape(40, 2)
    assert np.allclose(codes, IMAGES.flatten(1)[:, :2] / 255, atol=1e-6)
    _, pixels = asked(plane, Verb.DECODE, np.zeros((1, 2), "<f4"))
    assert pixels.size == 64 and set(pixels.flatten().tolist()) <= {127, 128}


def test_two_of_many_dimensions_are_the_plane_and_all_have_sliders() -> None:
    told = LatentPlane(vae(4), (IMAGES, None), dims=(3, 1))._told
    assert told["description"]["labels"] == ("z₄", "z₂")
    assert sorted(told["dimensions"]["order"] + told["dimensions"]["unused"]) == [0, 1, 2, 3]
    with pytest.raises(ConfigError, match=r"dims=\(4, 0\) are not two different dimensions of 4"):
        LatentPlane(vae(4), dims=(4, 0))
    for dims in ((0,), (0.5, 1), 3):
        with pytest.raises(ConfigError, match="give two whole numbers"):
            LatentPlane(vae(4), dims=dims)  # type: ignore[arg-type]


def test_a_name_shows_the_checkpoints_own_latents() -> None:
    plane = LatentPlane("digits-2d")
    latents = load_latents("checkpoints/digits-2d")
    assert latents is not None
    assert plane._told["hello"]["images"] == len(latents)
    assert plane._told["hasImages"]  # scikit-learn brings the digits


def test_without_anywidget_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "zscape.notebook", raising=False)
    with pytest.raises(ConfigError, match=r'pip install "zscape\[notebook\]"'):
        importlib.import_module("zscape").LatentPlane  # noqa: B018 — it is looked up
