"""How a table of texts is written (CSV and its kin), which no such file says of itself."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from vae_core.files.zip_names import ENCODINGS, UTF8, likely_encodings

SEPARATORS = ",;\t|"
PAGES = ("cp1252", "cp1251", "cp932", "gb18030", "cp950", "cp949")  # of Windows, the first usual
_LOOKED_AT = 1 << 20  # bytes: some rows of the longest codes
_ROWS = 200
_MOST_WORDS, _LONGEST = 1_000, 100  # by which an encoding is guessed, and bytes of one
_BLANK = SEPARATORS + " \t\r\n"
_APART = re.compile(rb"[\0-?]+")  # no part of a character in any of the PAGES
_DECIMALS = {".": re.compile(r"[-+]?\d+\.\d+"), ",": re.compile(r"[-+]?\d+,\d+")}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Written:
    """How a table is written.

    encoding, and whether it is guessed: neither UTF-8 nor marked. separator: of its columns, " "
    where any blanks are. decimal: the mark in its numbers. above: rows before its header, such as
    a title; skipped: lines that they take, blank ones as well. headless: the first row holds
    numbers as all others do. named_rows: the header lacks the name of the first column, as R
    writes it.
    """

    encoding: str
    guessed: bool
    separator: str
    decimal: str
    above: tuple[str, ...]
    skipped: int
    headless: bool
    named_rows: bool


def written(file: BinaryIO) -> Written | None:
    """How a table in a file is written; None if it is no text."""
    head = file.read(_LOOKED_AT)
    encoding = _marked(head)
    guessed = encoding is None
    if encoding is None:
        if b"\0" in head:
            return None
        file.seek(0)
        encoding = _unmarked(file)
        guessed = encoding != UTF8
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    lines = text.splitlines()[:_ROWS]
    if len(head) == _LOOKED_AT and 1 < len(lines) < _ROWS:
        lines.pop()  # it is cut
    filled = [place for place, line in enumerate(lines) if line.strip(_BLANK)]
    separator = _separator([lines[place] for place in filled])
    rows = [_cells(lines[place], separator) for place in filled]
    above = _above(rows)
    header, body = rows[above : above + 1], rows[above + 1 :]
    marks = Counter(mark for row in body for cell in row for mark in _marks(cell))
    return Written(
        encoding,
        guessed,
        separator,
        "," if separator != "," and marks[","] > marks["."] else ".",
        above=tuple(lines[place].strip(_BLANK) for place in filled[:above]),
        skipped=filled[above] if above else 0,
        headless=bool(body) and _is_headless(header[0], body),
        named_rows=bool(body) and _lacks_a_name(header[0], body),
    )


def _marked(head: bytes) -> str | None:
    """The encoding that the first bytes tell; of UTF-16 without a mark, its zeros do."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, other = head[first:200:2].count(0), head[1 - first : 200 : 2].count(0)
        if zeros > 0.7 * len(head[:200]) / 2 and not other:
            return encoding
    return None


def _unmarked(file: BinaryIO) -> str:
    """UTF-8 if all of it is; else what is likely, by its words that are not ASCII."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    is_utf8, words = True, set[bytes]()
    while block := file.read(_LOOKED_AT):
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            is_utf8 = False
        if not block.isascii() and len(words) < _MOST_WORDS:
            words |= {w for w in _APART.split(block) if len(w) <= _LONGEST and not w.isascii()}
    if is_utf8:
        return UTF8
    return next(iter(likely_encodings(sorted(words)[:_MOST_WORDS], PAGES)), PAGES[0])


def encoding_name(encoding: str) -> str:
    """An encoding as it is called, for a sentence."""
    return f"{ENCODINGS[encoding]} ({encoding})" if encoding in ENCODINGS else encoding


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return []


def _separator(lines: Sequence[str]) -> str:
    """What parts most rows into as many columns, more than one; then into the most.

    Last a comma, which parts numbers and phrases as well.
    """
    best, chosen = (0.0, 1), ","
    for separator in reversed(SEPARATORS):
        widths = Counter(len(_cells(line, separator)) for line in lines)
        width, n = max(widths.items(), key=lambda each: (each[1], each[0]), default=(1, 0))
        if width > 1 and (n / len(lines), width) > best:
            best, chosen = (n / len(lines), width), separator
    numbers = [line.split() for line in lines]
    if (
        best == (0.0, 1)
        and len(numbers[0] if numbers else ()) > 1
        and all(map(_are_values, numbers))
    ):
        return " "
    return chosen


def _above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows stand before the header: a title, comments, Excel's `sep=;`."""
    usual = Counter(map(len, rows)).most_common(1)[0][0] if rows else 1
    if usual < 2:
        return 0
    for k, row in enumerate(rows):
        alone = sum(map(bool, map(str.strip, row))) == 1
        remark = row and row[0].lstrip().lower().startswith(("#", "sep="))
        short = len(row) < usual - 1  # by one, as R writes it where rows have names
        title = alone and (usual > 2 or (len(row) < usual and not _numeric(rows[k + 1 : k + 2])))
        if not (short or title or (remark and len(row) != usual)):
            return k
    return 0


def _is_headless(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    counted = [cell.strip() for cell in header] == [str(k) for k in range(len(header))]  # pandas
    return not counted and all(map(_are_values, (header, *rows[:9])))


def _lacks_a_name(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    wider = all(len(row) == len(header) + 1 for row in rows)
    return wider and any(row[-1].strip() for row in rows)  # else all but end in a separator


def _numeric(rows: Sequence[Sequence[str]]) -> bool:
    return any(_is_value(cell) for row in rows for cell in row)


def _are_values(row: Sequence[str]) -> bool:
    return bool(row) and all(map(_is_value, row))


def _is_value(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _marks(cell: str) -> Iterator[str]:
    return (mark for mark, pattern in _DECIMALS.items() if pattern.fullmatch(cell.strip()))
