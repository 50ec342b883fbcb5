"""A file for a download has a name that every system takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ui.text.plain import file_name


@given(st.text())
def test_a_file_is_called_by_what_no_system_and_no_header_takes_for_more(text: str) -> None:
    name = file_name(text)
    assert 0 < len(name) <= 80 and not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>|\r\n\0')
