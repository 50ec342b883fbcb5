"""`zscape.explore`: a model that lives in a program of one's own, served by that program."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest

from benchmarks.proxies import free_port
from live.models import here_id, hold, let_go, open_model
from vae_core import CheckpointError, ConfigError, DataError
from zscape.given import opened_here
from zscape.opening import beginning_with

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, struct, sys, urllib.error, urllib.request
import numpy as np, torch, zscape, zscape.serving

zscape.serving.PORT = int(sys.argv[1])  # nobody else's

class Mine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.there, self.back = torch.nn.Linear(64, 3), torch.nn.Linear(3, 64)
    def encode(self, x):
        return self.there(x.flatten(1))
    def decode(self, z):
        return torch.sigmoid(self.back(z))

def ask(url, frame=None):
    return urllib.request.urlopen(urllib.request.Request(url, data=frame)).read()

images = np.random.default_rng(0).random((20, 8, 8))
mine, sys.ps1 = Mine(), ">>> "  # somebody types at this Python
shown = zscape.explore(mine, images=images, labels=[0, 1] * 10, name="my own", browser=False)
live = shown.url.replace("/?", "/live/ask?")
assert b"<title>" in ask(shown.url)
assert json.loads(ask(live)) == {"latent_dim": 3, "image_shape": [1, 8, 8], "images": 20}
z = np.array([0.5, -1, 2], "<f4")
pixels = np.frombuffer(ask(live, struct.pack("<IBBH", 1, 1, 0, 1) + z.tobytes())[8:], "u1")
with torch.no_grad():
    assert np.abs(pixels / 255 - mine.decode(torch.tensor(z)).numpy()).max() < 1 / 255
    mu = mine.encode(torch.tensor(images[:1], dtype=torch.float32))[0]
assert np.allclose(shown.z, mu, atol=0.01) and shown.selected.shape == (0,)
again = zscape.explore(mine, images=images, name="my own", browser=False)
assert again.url == shown.url  # in the place of the first, which is closed
again.close()
try:
    ask(again.url)
    raise SystemExit("it still listens")
except urllib.error.URLError:
    del sys.ps1
"""
SNIPPETS = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
(OF_README,) = [code for code in SNIPPETS if "zscape.explore(" in code]


def test_a_notebook_gets_a_handle_and_a_script_waits(
    serving: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    script = tmp_path / "mine.py"
    script.write_text(PROGRAM + OF_README)
    variables = {"PYTHONPATH": str(ROOT), "BROWSER": "true"}
    with serving(sys.executable, script, str(free_port()), **variables) as served:
        assert served.url.endswith("/?model=here:mine")
        code, said = served.end(signal.SIGINT)
        assert (code, said) == (0, "")


def test_its_pages_tell_where_the_visitor_is_and_what_is_missing() -> None:
    codes = np.random.default_rng(0).normal(size=(40, 2))
    table = pd.DataFrame(
        {"kind": ["a", "b"] * 20, "side": ["l", "r", "r", "l"] * 10, "age": range(40)}
    )
    opened = opened_here(codes=codes, images=np.zeros((40, 4, 4)), table=table, name="my codes")
    in_view = hold(opened)

    def page(name: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
        app.session_state["visitor"], app.session_state["model"] = "ann", opened.id
        app.session_state["z"], app.session_state["selections"] = (1.5, -1.0), {opened.id: [3, 4]}
        app.run()
        assert not app.exception, name
        return app

    assert page("encoded").selectbox(key="colour").options == ["class", "side", "age"]
    assert (in_view.z, in_view.selected) == ((1.5, -1.0), (3, 4))
    said = "my codes has no decoder, so no z has an image: give `decode=` to `zscape.explore`."
    assert page("manifold").info[0].value.startswith(said)
    let_go(opened)
    with pytest.raises(CheckpointError, match="no longer shows the model 'my codes'"):
        open_model(opened.id)


class OneLayer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.there, self.back = torch.nn.Conv2d(1, 2, 4, 4), torch.nn.ConvTranspose2d(2, 1, 4, 4)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.there(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.back(z))


class NoLayer(OneLayer):
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        weight = self.back.weight
        return torch.sigmoid(torch.nn.functional.conv_transpose2d(z, weight, stride=4))


class Recurrent(OneLayer):
    """With a layer that gives a pair, of which the first goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.along = torch.nn.GRU(2, 2, batch_first=True)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        rows = z.flatten(2).transpose(1, 2)
        return super().decode(self.along(rows)[0].transpose(1, 2).reshape(z.shape))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (OneLayer, "This decoder has one layer, which gives the image"),
        (NoLayer, "What this decoder computes with is no layer"),
        (Recurrent, "The layers of this decoder have no maps, only units"),
    ],
)
def test_a_decoder_of_few_layers_is_called_what_it_is(kind: type[OneLayer], said: str) -> None:
    opened = opened_here(kind(), images=np.random.default_rng(0).random((8, 8, 8)), name="few")
    hold(opened)
    app = AppTest.from_file(str(ROOT / "pages" / "layers.py"), default_timeout=60)
    app.session_state["visitor"], app.session_state["model"] = "ann", opened.id
    app.run()
    assert not app.exception and [i.value[: len(said)] for i in app.info] == [said]
    let_go(opened)


def test_a_file_of_codes_is_shown_from_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "my codes.npz", mu=np.eye(5, 3))
    beginning = beginning_with(tmp_path / "my codes.npz", tmp_path)
    assert "5 codes of 3 numbers, from mu of my codes.npz" in capsys.readouterr().err
    assert beginning.address == "/?model=here:my%2520codes" and not beginning.environment
    opened = open_model(here_id("my codes"))
    assert opened.latents is not None and opened.latents.mu.shape == (5, 3)
    let_go(opened)


def test_columns_of_one_name_are_all_there() -> None:
    table = pd.DataFrame([(k, k**2, -k) for k in range(4)], columns=["a", "a", "a (2)"])
    latents = opened_here(codes=np.eye(4), table=table).latents
    assert latents is not None and latents.factors is not None
    assert latents.factors.T.tolist() == [[0, 1, 2, 3], [0, 1, 4, 9], [0, -1, -2, -3]]


def test_a_file_that_runs_code_when_it_is_read_is_refused(tmp_path: Path) -> None:
    torch.save(torch.zeros(1), tmp_path / "mine.pt")
    with pytest.raises(CheckpointError, match="never opened here, as that runs whatever code"):
        opened_here(tmp_path / "mine.pt")


def test_values_from_black_to_white_and_codes_with_their_variance_are_taken() -> None:
    def decode(z: np.ndarray) -> np.ndarray:
        return np.tanh(z).reshape(-1, 1, 2, 2)

    images = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 1, 2, 2)
    opened = opened_here(
        encode=lambda x: x.reshape(len(x), 4), decode=decode, images=images, value_range=(-1, 1)
    )
    assert opened.latents is not None and opened.dataset is not None
    assert np.allclose(opened.latents.mu, images.reshape(4, 4), atol=0.01)
    assert opened.dataset.images.flatten().tolist() == [17 * k for k in range(16)]
    z = np.zeros((1, 4), np.float32)
    assert opened.model.decode(torch.from_numpy(z)).flatten().tolist() == [0.5] * 4
    mu, logvar = np.eye(3), np.full((3, 3), -1.0)
    found = opened_here(codes=(mu, logvar)).latents
    assert found is not None and found.mu.tolist() == mu.tolist()
    assert found.logvar.tolist() == logvar.tolist()


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({"codes": np.eye(3), "value_range": 2}, ConfigError, "give two different numbers"),
        ({"decode": len, "latent_dim": "two"}, ConfigError, "how many numbers a code has"),
        ({}, ConfigError, "Give a model, encode= and decode=, or codes="),
        ({"codes": np.eye(3), "images": np.zeros((2, 4, 4))}, DataError, "2 images and 3 codes"),
        ({"codes": np.eye(3), "labels": [1, 2]}, DataError, "there are 3 images"),
        ({"codes": np.eye(3), "table": {"a": [1]}}, DataError, "column 'a'"),
        ({"codes": np.ones((2, 16_385))}, DataError, "16,385 dimensions; 16,384 at most"),
        ({"codes": np.eye(3), "images": np.zeros((3, 600, 4))}, DataError, "512 pixels a side"),
        (
            {"codes": np.eye(3), "images": np.zeros((3, 4, 4), int)},
            DataError,
            r"value_range=\(black",
        ),
        ({"model": torch.nn.Linear}, ConfigError, "is the class Linear; give an object"),
        ({"model": {"weight": 1}}, ConfigError, "give the model that has loaded them"),
        ({"model": __file__ + ".pt"}, CheckpointError, r"There is no test_exploring.py.pt in"),
        ({"model": OneLayer(), "images": iter("ab")}, ConfigError, "type str_ascii_iterator"),
        ({"codes": np.eye(3), "name": ""}, ConfigError, "name is a line"),
        ({"encode": lambda x: x.flatten(1)}, ConfigError, "images="),
        (
            {"encode": lambda x: 1 / x.flatten(1), "images": 1 - np.eye(15)[:, 9:, None]},
            ConfigError,
            r"infinity for 6 of 15 images \(rows 9, 10, 11, 12, 13, …\); leave these out",
        ),
    ],
)
def test_what_does_not_fit_is_a_sentence(
    given: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        opened_here(**given)
