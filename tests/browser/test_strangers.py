"""Models and codes that a program of one's own shows: every page opens and says what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

GIVEN = """
import numpy as np, torch, zscape
from torch import nn

class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.GroupNorm(2, 4), nn.SiLU())
        self.codes = nn.Linear(64, 6)
        self.up = nn.Sequential(
            nn.Linear(3, 64), nn.Unflatten(1, (4, 4, 4)), nn.GroupNorm(2, 4), nn.SiLU(),
            nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Sigmoid(),
        )
    def encode(self, x):
        return self.codes(self.down(x).flatten(1)).chunk(2, dim=1)
    def decode(self, z):
        return self.up(z)

torch.manual_seed(0)
random = np.random.default_rng(0)
images, classes = random.random((60, 8, 8)), np.arange(60) % 3
"""
SHOWN = {
    "module": "zscape.explore(Mine(), images=images, labels=classes, browser=False)",
    "codes": """zscape.explore(codes=random.normal(size=(60, 3)), images=images,
        table={"digit": classes.astype(str), "ink": images.mean((1, 2))}, browser=False)""",
    "broken": """zscape.explore(encode=lambda x: np.asarray(x)[:, 0, 0, :3],
        decode=lambda z: np.full((len(z), 8, 8), np.nan), images=images, browser=False)""",
}
LACKS = {
    "module": {"elbo": "has no likelihood", "marginal": "has no likelihood"},
    "codes": {"manifold": "has no decoder", "anomalies": "has no encoder"},
    "broken": {"": "NaN or infinite pixels", "geometry": "NaN or infinite pixels"},
}


@pytest.mark.parametrize("given", SHOWN)
def test_every_page_opens_and_says_what_is_missing(
    page: Page, look_at: Callable[..., None], tmp_path: Path, given: str
) -> None:
    program = tmp_path / "mine.py"
    program.write_text(GIVEN + SHOWN[given])
    with subprocess.Popen(
        [sys.executable, program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as shown:
        try:
            assert shown.stdout is not None
            url = shown.stdout.readline().split()[3]
            page.goto(url)
            page.wait_for_function("decodes.length > 0")
            look_at(page)
            for name, lack in LACKS[given].items():
                page.goto(url.replace("/?", f"/{name}?"))
                page.get_by_text(lack).first.wait_for()
        finally:
            shown.terminate()
