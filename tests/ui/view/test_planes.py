"""What points on a plane say."""

from __future__ import annotations

import pytest

from live.models import open_model
from ui.components.latent_plane.means import ERROR
from ui.view.planes import plane_points


@pytest.mark.parametrize(
    ("name", "label"),
    [("digits-2d", "cross-entropy at μ (nats)"), ("frey-2d", "−log p(x|z = μ) (nats)")],
)
def test_grey_pixels_under_a_bernoulli_have_a_cross_entropy(name: str, label: str) -> None:
    opened = open_model(name)
    assert opened.latents is not None
    points = plane_points(opened, None, ERROR, embedding=opened.latents.mu.numpy())
    assert points is not None and points.label == label
