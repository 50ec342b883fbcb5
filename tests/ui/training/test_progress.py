"""How often a run under way is looked at."""

from __future__ import annotations

import pytest

from ui.training.progress import look_seconds


@pytest.mark.parametrize(("epoch_seconds", "looks_every"), [(0.3, 1), (3, 2), (7, 4), (90, 4)])
def test_what_is_learned_is_looked_at_twice_an_epoch(epoch_seconds: float, looks_every: float):
    begun = {"epoch_ended": False, "step": 5, "total_steps": 100, "seconds_left": 1.0}
    first = {"epoch_ended": True, "step": 10, "total_steps": 100, "seconds_left": 9 * epoch_seconds}
    assert look_seconds([], 10) == look_seconds([begun], 10) == 1
    assert look_seconds([first, begun], 10) == looks_every
