"""Pictures that are shown together."""

from __future__ import annotations

import torch

from ui.images.pictures import paired


def test_the_two_of_a_pair_are_parted_by_a_line_that_neither_has() -> None:
    dark = torch.zeros(3, 1, 28, 28)
    both = paired(dark, dark + 1)
    assert both.shape == (3, 1, 57, 28)
    assert both[:, :, :28].max() == 0
    assert both[:, :, 29:].min() == 1
    assert both[:, :, 28].unique().tolist() == [0.5]
    assert paired(torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)).shape == (1, 3, 130, 64)
