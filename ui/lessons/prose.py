"""A lesson's Markdown, made anew from what was understood of it, so that the rest is mere text.

Paragraphs, lists, quotations, emphasis, code, tables, headings and mathematics stay what they are.
HTML, images, Streamlit's own signs and addresses become the characters that they are written with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin

from ui.lessons.fields import LessonError
from ui.text.explain import coloured
from vae_core.files.markdown import plain

MOST = 12_000  # characters of a step's prose, or of its answer
MOST_MATH = 1_000  # of one formula
DEEPEST = 30  # of signs within signs

_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["html_block", "html_inline", "image", "autolink", "reference", "lheading"])
    .use(
        dollarmath_plugin,
        allow_space=False,
        allow_digits=False,
        allow_labels=False,
        double_inline=True,
    )
)
# What makes anything else than signs: links, pictures, own commands, room without end.
_UNTAKEN = re.compile(
    r"\\(href|url|html\w*|includegraphics|[gex]?def|(re)?newcommand|providecommand|let|futurelet|"
    r"rule|[mh]?kern|[mh]?skip|hspace|raisebox|cr|csname)(?![a-z])"
)
_GIVEN = re.compile(r"\\mid(?![A-Za-z])")
_LANGUAGE = re.compile(r"[a-z0-9+-]{1,20}")


@dataclass
class Prose:
    """Markdown as Streamlit shows it, and links that lead into the app: (label, address).

    A label is no Markdown but text.
    """

    text: str = ""
    views: list[tuple[str, str]] = field(default_factory=list)


def prose(source: str) -> Prose:
    """Clean Markdown of a text; LessonError without a line where that cannot be made of it."""
    if len(source) > MOST:
        raise LessonError(f"the text is longer than {MOST:,} characters")
    made = _Maker()
    text = made.blocks(_tree(_MARKDOWN.parse(source)))
    return Prose(text, made.views)


def line_of(source: str) -> str:
    """Clean Markdown of a text on one line: a question, a reason, a heading; errors as `prose`."""
    made = _Maker()
    return made.inline(_tree(_MARKDOWN.parseInline(source)))


def _tree(tokens: Sequence[Token]) -> SyntaxTreeNode:
    if _depth(tokens) > DEEPEST:
        raise LessonError(f"there are signs within signs, more than {DEEPEST} deep")
    return SyntaxTreeNode(tokens)


def _depth(tokens: Sequence[Token]) -> int:
    """How many signs are open at once."""
    opened = deepest = 0
    for token in tokens:
        opened += token.nesting
        deepest = max(deepest, opened + _depth(token.children or ()))
    return deepest


class _Maker:
    def __init__(self) -> None:
        self.views: list[tuple[str, str]] = []

    def blocks(self, node: SyntaxTreeNode) -> str:
        return "\n\n".join(filter(None, map(self.block, node.children)))

    def block(self, node: SyntaxTreeNode) -> str:
        make: Callable[[SyntaxTreeNode], str] | None = getattr(self, f"block_{node.type}", None)
        return make(node) if make else plain(node.content if node.token else "")

    def block_paragraph(self, node: SyntaxTreeNode) -> str:
        before = len(self.views)
        text = self.inline(node)
        inside = node.children[0].children if node.children else []
        alone = [n.type for n in inside if n.type != "softbreak"] == ["link"]
        return "" if alone and len(self.views) > before else text

    def block_heading(self, node: SyntaxTreeNode) -> str:
        return f"{'#' * max(3, int(node.tag[1]))} {self.inline(node)}"

    def block_blockquote(self, node: SyntaxTreeNode) -> str:
        return _indented(self.blocks(node), "> ", "> ")

    def block_bullet_list(self, node: SyntaxTreeNode) -> str:
        return self._list(node, ["- "] * len(node.children))

    def block_ordered_list(self, node: SyntaxTreeNode) -> str:
        first = int(node.attrs.get("start", 1))
        return self._list(node, [f"{first + i}. " for i in range(len(node.children))])

    def _list(self, node: SyntaxTreeNode, marks: list[str]) -> str:
        items = [
            _indented(self.blocks(item), mark, " " * len(mark))
            for mark, item in zip(marks, node.children, strict=True)
        ]
        tight = all(p.hidden for item in node.children for p in item.children if _is_text(p))
        return ("\n" if tight else "\n\n").join(items)

    def block_fence(self, node: SyntaxTreeNode) -> str:
        language = node.info.strip() if _LANGUAGE.fullmatch(node.info.strip()) else ""
        return _fenced(node.content, language)

    def block_code_block(self, node: SyntaxTreeNode) -> str:
        return _fenced(node.content, "")

    def block_hr(self, _node: SyntaxTreeNode) -> str:
        return "---"

    def block_math_block(self, node: SyntaxTreeNode) -> str:
        return coloured(f"$$\n{_formula(node.content)}\n$$")

    def block_table(self, node: SyntaxTreeNode) -> str:
        rows = [row for part in node.children for row in part.children]
        cells = [[self.inline(cell).replace("\n", " ") for cell in row.children] for row in rows]
        cells.insert(1, ["---"] * len(cells[0]))
        return "\n".join(f"| {' | '.join(row)} |" for row in cells)

    def inline(self, node: SyntaxTreeNode) -> str:
        """What stands in a node, whose child may be the one that holds all others."""
        make = ""
        for child in node.children:
            if child.type == "inline":
                make += self.inline(child)
            else:
                named: Callable[[SyntaxTreeNode], str] | None
                named = getattr(self, f"inline_{child.type}", None)
                make += named(child) if named else plain(child.content)
        return make

    def inline_text(self, node: SyntaxTreeNode) -> str:
        text = node.content
        before = " " if text[:1].isspace() else ""
        after = " " if text[-1:].isspace() and text.strip() else ""
        return f"{before}{plain(text)}{after}"

    def inline_softbreak(self, _node: SyntaxTreeNode) -> str:
        return "\n"

    def inline_hardbreak(self, _node: SyntaxTreeNode) -> str:
        return "\\\n"

    def inline_em(self, node: SyntaxTreeNode) -> str:
        return f"{node.markup}{self.inline(node)}{node.markup}"

    inline_strong = inline_em

    def inline_code_inline(self, node: SyntaxTreeNode) -> str:
        code = node.content.replace("|", "\\|") if _in_table(node) else node.content
        ticks = "`" * (1 + max(map(len, re.findall("`+", code)), default=0))
        room = " " if code.startswith("`") or code.endswith("`") else ""
        return f"{ticks}{room}{code}{room}{ticks}"

    def inline_math_inline(self, node: SyntaxTreeNode) -> str:
        """No line ends after a \\mid, as KaTeX would have it: p(x | z) stays whole."""
        whole = _GIVEN.sub(r"{\\,\\mid\\,}", _formula(node.content))
        return coloured(f"${whole}$")

    inline_math_inline_double = inline_math_inline

    def inline_link(self, node: SyntaxTreeNode) -> str:
        """Its label; a view is noted, of any other link the address is said."""
        label, href = self.inline(node), str(node.attrs["href"])
        if href.startswith("/") and not href.startswith("//"):
            self.views.append((_words(node), href))
            return label
        words = plain(href)
        return label if words == label else f"{label} ({words})"


def _words(node: SyntaxTreeNode) -> str:
    """The text in a node, without its signs."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(map(_words, node.children)) if node.children else node.content


def _formula(math: str) -> str:
    if len(math) > MOST_MATH:
        raise LessonError(f"a formula is longer than {MOST_MATH:,} characters")
    if untaken := _UNTAKEN.search(math):
        raise LessonError(f"the command {untaken[0]} is not taken in a formula")
    if "$" in math:
        raise LessonError("a formula has a $ of its own, which would end it")
    return " ".join(math.split())


def _fenced(code: str, language: str) -> str:
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{ticks}{language}\n{code.rstrip()}\n{ticks}"


def _indented(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join([first + lines[0], *(f"{rest}{line}".rstrip() for line in lines[1:])])


def _is_text(node: SyntaxTreeNode) -> bool:
    return node.type == "paragraph"


def _in_table(node: SyntaxTreeNode) -> bool:
    while node.parent is not None:
        if node.type in ("td", "th"):
            return True
        node = node.parent
    return False
