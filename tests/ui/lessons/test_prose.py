"""A lesson's Markdown keeps its structure, and nothing in it is more than text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ui.lessons.fields import LessonError
from ui.lessons.prose import line_of, prose

ALL = MarkdownIt("gfm-like", {"linkify": False})  # with HTML, images and links, as others read
TEXT = {"text", "softbreak", "hardbreak", "code_inline", "em_open", "em_close", "strong_open"}


@pytest.mark.parametrize(
    "text",
    [
        "Plain *em* and **strong** and ***both***.",
        "- a\n- b\n  - c",
        "- a\n\n- b",
        "3. a\n4. b",
        "> quoted\n>\n> more",
        "```python\nx = 1  # **no**\n```",
        "`a | b` and ``c ` d``",
        "| a | b |\n| --- | --- |\n| 1 | *2* |",
        "### Heading\n\ntext",
        "one  \ntwo",
        "a * b and c_d_e, 3 < 4 & 5 > 4",
    ],
)
def test_what_is_understood_is_as_it_was(text: str) -> None:
    def shape(source: str) -> list[tuple[str, str]]:
        tokens = []
        for token in ALL.parse(source):
            inside = [("", token.content)] if token.type in ("fence", "code_block") else []
            tokens += [(token.type, ""), *inside]
            tokens += [(each.type, each.content.strip()) for each in token.children or []]
        return [each for each in tokens if each != ("text", "")]

    def joined(source: str) -> str:
        return re.sub(r"[\u2060 ]", "", str(shape(source)))

    assert joined(prose(text).text) == joined(text)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b>bold</b>",
    "<!-- comment -->",
    "![alt](https://evil.example/x.png)",
    "![alt](data:image/svg+xml;base64,AAAA)",
    "[a](javascript:alert(1))",
    "[a](//evil.example)",
    "[a](https://evil.example)",
    "[a](data:text/html,x)",
    "[a](file:///etc/passwd)",
    "<https://evil.example>",
    "https://evil.example www.evil.example a@evil.example",
    "[a]\n\n[a]: https://evil.example",
    "![a]\n\n[a]: https://evil.example/x.png",
    "| <img src=x> |\n| --- |\n| ![a](http://e.x/y) |",
    "- <iframe src=x></iframe>",
    "&lt;img src=x&gt;",
    ":material/home: :red[text] :smile: -> <-",
    "[![a](https://e.x/i.png)](https://e.x)",
    "> ## Heading\n> <div>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_more_than_text(text: str) -> None:
    made = prose(text).text
    kinds = set()
    for token in ALL.parse(made):
        kinds |= {token.type} | {each.type for each in token.children or []}
    assert not kinds & {"html_block", "html_inline", "image", "link_open"}, made
    assert not re.search(r"(?<!\\):(material|red|smile)", made)


@given(st.text(alphabet="<>[]()!*_`~#|&;:/\\$ \n-+.1ahtps\"'=", max_size=80))
def test_no_signs_make_an_element(text: str) -> None:
    try:
        made = prose(text).text
    except LessonError:
        return
    for token in ALL.parse(made):
        for each in (token, *(token.children or [])):
            assert each.type not in ("html_block", "html_inline", "image", "link_open"), made


def test_a_link_into_the_app_is_a_view_and_others_are_said() -> None:
    made = prose("[Look, *now*](/elbo?image=6)\n\nSee [notes](https://a.b/c) of it.")
    assert made.views == [("Look, now", "/elbo?image=6")]
    assert made.text.replace("\\", "").replace("\u2060", "") == "See notes (https://a.b/c) of it."


def test_a_view_in_a_sentence_leaves_its_words() -> None:
    assert prose("Go [there](/elbo) now.").text == "Go there now\\."


def test_symbols_have_the_colours_of_the_figures() -> None:
    assert r"{\color{" in line_of(r"$\mu$")
    assert r"{\color{" in prose("$$\n\\sigma\n$$").text
    assert r"{\color{" not in line_of(r"`$\mu$` costs \$5 and z is \$6")


def test_no_line_ends_within_what_is_given() -> None:
    """KaTeX lets a line end after a relation that is in no group."""
    assert r"p(x {\,\mid\,} y)" in line_of(r"$p(x \mid y)$")
    assert r"\middle|" in line_of(r"$\left(a\middle|b\right)$")


@pytest.mark.parametrize(
    "math",
    [
        r"\href{x}{y}",
        r"\htmlClass{a}{b}",
        r"\includegraphics{x}",
        r"\def\a{\a\a}",
        r"\rule{1em}{9em}",
    ],
)
def test_a_formula_is_signs_alone(math: str) -> None:
    with pytest.raises(LessonError, match="not taken"):
        prose(f"${math}$")
    assert prose(r"$\rho \defeq \crossing$".replace("crossing", "mu")).text
