"""What came from outside is shown as it is."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vae_core.files.markdown import plain


def seen(markdown: str) -> str:
    """A text as CommonMark shows it whose signs are all escaped."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("\u2060", "")


@given(st.text())
def test_every_sign_is_escaped_and_nothing_else_is_changed_but_white_space(text: str) -> None:
    shown = plain(text)
    assert seen(shown) == " ".join(text.replace("\u2060", "").split())
    assert re.fullmatch(r"(\\[!-/:-@\[-`{-~]|[^!-/:-@\[-`{-~\n\r]|(?<=\w)[-._](?=\w))*", shown)


def test_what_streamlit_looks_for_in_plain_text_is_parted() -> None:
    # As its frontend does: remark-gfm, remark-emoji, its own icons, and arrows.
    looked_for = (
        r"(?i)(https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(\.[-\w]+)+|:[\w+-]+:|:material/\w+:"
        r"|(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)"
    )
    for text in (
        *("see http://a.b", "HTTPS://a.b", "www.a.b", "WWW.a.b", "a@b.c", ":+1:", ":smile:"),
        *(":material/home:", ":streamlit:", "a -> b", "a <-> b", "a -- b", "a >= b", "a ~= b"),
    ):
        assert re.search(looked_for, text)
        assert not re.search(looked_for, plain(text).replace("\\", "")), text
