"""A model as one HTML file: what is in it, and what never becomes part of its markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from live.models import OpenModel, open_model
from ui.outside.page import THUMBNAILS, Card, html_page, weights_of
from vae_core.checkpoints.reading import list_checkpoints
from vae_core.data.datasets import load_dataset
from vae_core.errors import ConfigError
from vae_core.export.running import decoded, encoded
from vae_core.export.steps import program_of
from vae_core.models.config import ModelConfig
from vae_core.models.vae import VAE
from zscape.command import main
from zscape.given import opened_here

EVIL = "</script><script>evil()</script><!--<script> \" ' & $told ${told} <b>"
CARD = Card("a model", "a VAE", [("−ELBO", "151.2 nats")])
MB = 1e6
SHIPPED = [each.name for each in list_checkpoints(Path(__file__).parents[3] / "checkpoints")]


class Parts(HTMLParser):
    """The elements of a page, and the text in each that has an id or is a script."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self.now = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.now = dict(attrs).get("id") or tag
        self.attributes[self.now] = dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        self.now = "outside"

    def handle_data(self, data: str) -> None:
        self.texts[self.now] = self.texts.get(self.now, "") + data

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.texts["told"])
        return found

    def data(self, name: str) -> bytes:
        at, length = self.told["layout"][name]
        text = self.texts["bytes"].replace(".", "<").replace(",", "&")
        return gzip.decompress(base64.b85decode(text))[at : at + length]


def digits() -> OpenModel:
    return open_model("digits-2d")


def test_no_text_of_a_checkpoint_is_markup() -> None:
    opened = digits()
    config = opened.config | {"class_names": [EVIL, *"123456789"], "dataset": EVIL}
    page = html_page(replace(opened, config=config), Card(EVIL, EVIL, [(EVIL, EVIL)], note=EVIL))
    plain = html_page(opened, CARD)
    hostile = Parts(page)
    assert hostile.elements == Parts(plain).elements
    assert hostile.told["description"]["points"]["names"][0] == EVIL
    assert hostile.texts["title"].strip() == hostile.texts["h1"].strip() == EVIL
    policy = re.search(rb'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    digest = hashlib.sha256(hostile.texts["script"].encode()).digest()
    scripts = re.search(r"script-src ([^;]*);", policy[1].decode())
    assert scripts is not None
    assert scripts[1].split()[0] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert "'unsafe-inline'" not in scripts[1] and "default-src 'none'" in policy[1].decode()


def test_no_address_of_the_network_is_in_it() -> None:
    page = re.sub(rb'id="bytes">[^<]*<', b"<", html_page(digits(), CARD, encoder=True))
    assert re.findall(rb"(?:https?:)?//[\w-]+\.[\w.-]+", page) == []
    assert re.findall(rb"<(?:link|img|iframe|script src)|@import|url\(", page) == []


def test_it_says_how_large_it_is_when_it_is_whole() -> None:
    page = html_page(digits(), CARD)
    said = re.search(rb"it should have ([\d,]+) bytes", page)
    assert said is not None and int(said[1].replace(b",", b"")) == len(page)


def test_the_decoder_alone_goes_along_unless_the_encoder_is_asked_for() -> None:
    for encoder in (False, True):
        page = Parts(html_page(digits(), CARD, encoder=encoder))
        weights = page.data("weights")
        head = json.loads(weights[4 : 4 + int.from_bytes(weights[:4], "little")])
        assert (head["encoder"] is not None) == encoder == page.told["description"]["encodes"]
        assert (page.told["description"]["draw"] is not None) == encoder


def test_the_classifier_that_goes_along_tells_the_classes_of_the_codes() -> None:
    opened = digits()
    assert opened.latents is not None and opened.latents.labels is not None
    description = Parts(html_page(opened, CARD)).told["description"]
    packed = base64.b64decode(description["classifiers"]["codes"].partition(",")[2])
    k, n, images, _ = np.frombuffer(packed, "<u4", 4)
    assert (k, n, images) == (10, 2, len(opened.latents))
    labels = np.frombuffer(packed, "<u4", k, 16)
    weight = np.frombuffer(packed, "<f4", k * n, 16 + 4 * k).reshape(k, n)
    bias = np.frombuffer(packed, "<f4", k, 16 + 4 * k + 4 * k * n)
    told = labels[(opened.latents.mu.numpy() @ weight.T + bias).argmax(1)]
    right = (told == opened.latents.labels.numpy()).mean()
    one = LogisticRegression(max_iter=1000).fit(opened.latents.mu, opened.latents.labels)
    assert right == pytest.approx(one.score(opened.latents.mu, opened.latents.labels), abs=0.05)


def test_the_images_that_go_along_are_the_real_ones_of_their_points() -> None:
    opened = digits()
    assert opened.latents is not None
    page = Parts(html_page(opened, CARD, thumbnails=7))
    rows = np.frombuffer(page.data("rows"), "<u4")
    images = np.frombuffer(page.data("images"), np.uint8).reshape(7, *opened.model.image_shape[1:])
    real = load_dataset("digits", "test").images[opened.latents.indices[rows.astype(int)]]
    assert len(rows) == 7 and (images == real[:, 0].numpy()).all()
    assert "Images of 7 of 360 points are the real ones" in page.texts["p"]
    without = Parts(html_page(opened, CARD, thumbnails=0))
    assert "images" not in without.told["layout"]
    assert "decoded from their means" in without.texts["p"]


def test_points_keep_their_places_to_the_eye() -> None:
    opened = digits()
    assert opened.latents is not None
    page = Parts(html_page(opened, CARD))
    xy = np.frombuffer(page.data("points"), "<f4", 2 * len(opened.latents)).reshape(-1, 2)
    assert xy == pytest.approx(opened.latents.mu.numpy(), rel=2**-13)


@pytest.mark.parametrize(
    ("name", "encoder", "most"),
    [("mnist-2d", False, 2 * MB), ("mnist-2d", True, 4 * MB), ("mnist-16d", False, 1.6 * MB)],
)
def test_the_shipped_models_make_small_files(
    name: str, encoder: bool, most: float, data_root: Path
) -> None:
    page = html_page(open_model(name), CARD, encoder=encoder)
    assert b"weights as int8" in page and f"Images of {THUMBNAILS} of 10,000".encode() in page
    assert len(page) <= most


@pytest.mark.parametrize("name", SHIPPED)
def test_small_weights_are_no_further_off_than_is_said(name: str) -> None:
    """On images that the page's maker did not look at: drawn anew, and of codes between."""
    opened = open_model(name)
    encoder = opened.model.has_encoder
    weights, found = weights_of(opened, encoder=encoder)
    program = program_of(opened.model, encoder=encoder)
    small = replace(program, tensors=tensors_in(weights))
    generator = torch.Generator().manual_seed(7)
    z = torch.randn(300, opened.model.latent_dim, generator=generator)
    if opened.latents is not None:
        z = torch.cat([z, opened.latents.mu[100:400] * 0.9])
    with torch.inference_mode():
        exact = opened.model.decode(z)
        off = (decoded(small, z) - exact.flatten(1)).abs().max() * 255
        assert off <= 8 and 0 < found.levels <= 4
        if found.sigmas is None:
            return
        assert found.sigmas <= 1
        mu, logvar = opened.model.encode(exact)
        again = encoded(small, exact.flatten(1))[:, : mu.shape[1]]
    assert ((again - mu).abs() <= 2 * (logvar / 2).exp()).all()


def tensors_in(packed: bytes) -> list[torch.Tensor]:
    length = int.from_bytes(packed[:4], "little")
    tensors = []
    for each in json.loads(packed[4 : 4 + length])["tensors"]:
        shape, at = each["shape"], 4 + length + each["at"]
        scale, count = np.float32(1), math.prod(shape)
        if each["coding"] == "int8":
            scale = np.frombuffer(packed, "<f4", shape[0], at)[:, None]
            at += 4 * shape[0]
        kind = {"float32": "<f4", "float16": "<f2", "int8": "i1"}[each["coding"]]
        values = np.frombuffer(packed, kind, count, at).reshape(shape) * scale
        tensors.append(torch.from_numpy(values.astype("f4")))
    return tensors


def test_it_says_how_far_off_its_own_weights_are() -> None:
    opened = open_model("mnist-2d-gan")
    _, found = weights_of(opened, encoder=False)
    says = f"of {found.images:,} images that were looked at, a pixel is at most "
    page = html_page(opened, CARD).decode()
    assert says + f"{math.ceil(found.levels)} of 255 grey levels off." in page
    assert "weights as int8" in page


def test_a_model_that_the_engine_does_not_know_says_which_layer_and_why() -> None:
    opened = digits()

    def with_last(layer: nn.Module) -> OpenModel:
        model = VAE(ModelConfig(latent_dim=2, image_shape=(1, 8, 8), hidden=(4,))).eval()
        model.decoder = nn.Sequential(model.decoder, layer)
        return replace(opened, model=model)

    with pytest.raises(ConfigError, match=r"cannot do Softplus\(.*\): it knows no such layer"):
        html_page(with_last(nn.Softplus()), CARD)
    with pytest.raises(ConfigError, match=r"Conv2d\(1, 1.*dilation=.*\): it knows no groups"):
        html_page(with_last(nn.Conv2d(1, 1, 1, dilation=2)), CARD)


def test_what_cannot_go_into_a_page_of_models_from_outside_is_said() -> None:
    images = np.random.default_rng(0).random((6, 8, 8), np.float32)
    codes = images[:, 0, :2]
    given = opened_here(codes=codes, images=images, name="codes")
    with pytest.raises(ConfigError, match="There is no decoder"):
        html_page(given, CARD)
    network = nn.Sequential(nn.Linear(2, 64), nn.Sigmoid())
    given = opened_here(decode=network, codes=codes, images=images, name="mine")
    with pytest.raises(ConfigError, match="A model from outside decodes by a program of its own"):
        html_page(given, CARD)


def test_latents_that_are_no_numbers_are_refused() -> None:
    opened = digits()
    assert opened.latents is not None
    broken = opened.latents.mu.clone()
    broken[5] = float("nan")
    with pytest.raises(ConfigError, match="NaN or infinite"):
        html_page(replace(opened, latents=replace(opened.latents, mu=broken)), CARD)


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: object) -> tuple[int, str]:
        try:
            code = main(["export", *map(str, arguments)])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return code, capsys.readouterr().err

    return run


def test_the_command_writes_it_whole_or_not_at_all(
    export: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "digits.html"
    assert export("digits-2d", "--html", target, "--thumbnails", 3) == (0, "")
    before = target.read_bytes()
    assert b"Images of 3 of 360" in before and before.rstrip().endswith(b"</html>")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    code, said = export("digits-2d", "--html", target)
    assert code == 1 and "the disk is full" in said
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]


def test_a_bad_target_is_said_in_a_sentence(
    export: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = export("digits-2d", "--html", tmp_path / "missing" / "a.html")
    assert code == 2 and f"There is no folder {tmp_path / 'missing'} to put a.html in" in said
    code, said = export("digits-2d", "--html", tmp_path / "a.txt")
    assert code == 2 and f"--html {str(tmp_path / 'a.txt')!r} is to end in .html" in said
    code, said = export("digits-2d", "--encoder", "--output", tmp_path / "a.zip")
    assert code == 2 and "--encoder and --thumbnails are of --html" in said
    assert list(tmp_path.iterdir()) == []


def test_the_help_says_how_many_images_go_along(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert f"default: {THUMBNAILS}," in " ".join(capsys.readouterr().out.split())
