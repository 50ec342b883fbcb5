"""Names of dimensions lie in a folder that anybody may have written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from live.models import open_model, run_id
from ui.view.names import FILE, dimension_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from vae_core.runs.run import Run


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"1": "slant"}', {1: "slant"}),
        ('{"1": "slant", "7": "none", "-1": "none", "0": 3}', {1: "slant"}),
        ('{"' + "9" * 5000 + '": "more digits than a number may have"}', {}),
        ("[1]", {}),
        ("{", {}),
        ("\\ud800", {}),
    ],
)
def test_what_is_no_name_of_a_dimension_is_left_out(
    session: dict[str, Any], ended_run: Callable[..., Run], text: str, names: dict[int, str]
) -> None:
    run = ended_run(owner="bob")
    (run.path / FILE).write_text(text)
    assert dimension_names(open_model(run_id(run.token))) == names
