"""How far a latent space is shown."""

from __future__ import annotations

from dataclasses import replace

from live.models import open_model
from ui.view.reach import grid_extent, slider_reach


def test_sliders_and_even_grids_reach_as_far_as_the_means() -> None:
    prior_alone = replace(open_model("mnist-2d"), latents=None)
    assert (slider_reach(prior_alone), grid_extent(prior_alone)) == (4.0, 3)
    assert grid_extent(open_model("mnist-2d")) == 3  # as the prior has it
    opened = open_model("mnist-2d-ae")
    assert opened.latents is not None
    mu = opened.latents.mu.abs()
    assert mu.max() <= slider_reach(opened) < mu.max() + 1
    beyond = (mu > grid_extent(opened) + 0.5).float().mean(0)
    assert 0.001 < beyond.max() <= 0.01
