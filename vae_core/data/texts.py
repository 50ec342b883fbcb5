"""Texts of many rows as a tensor: it is indexed, stored and joined as any other column is.

UTF-8, a row a text, padded with zeros: uint8 (n, width), of 255 bytes at most.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vae_core.files.markdown import is_formula

MAX_BYTES = 255  # of a text; of a longer one the end is kept
MAX_BYTES_IN_ALL = 64 << 20


def packed_texts(texts: Sequence[str]) -> Tensor | None:
    """Texts (n,) as uint8 (n, width); None where they are none, or too long together."""
    rows = [_short(one_line(text).encode()) for text in texts]
    width = max(map(len, rows), default=0)
    if not width or width * len(rows) > MAX_BYTES_IN_ALL:
        return None
    return torch.from_numpy(np.array(rows, f"S{width}").view(np.uint8).reshape(-1, width).copy())


def texts_of(packed: Tensor) -> list[str]:
    """What `packed_texts` packed, (n, width) uint8: whatever the bytes are, lines of text."""
    rows = packed.contiguous().numpy()
    return [one_line(row.tobytes().rstrip(b"\0").decode("utf-8", "replace")) for row in rows]


def joined_rows(a: Tensor, b: Tensor) -> Tensor:
    """The rows of a, then those of b; of texts of two widths as wide as the wider."""
    if a.ndim == 2 and a.dtype == torch.uint8 and a.shape[1] != b.shape[1]:
        width = max(a.shape[1], b.shape[1])
        a, b = (functional.pad(each, (0, width - each.shape[1])) for each in (a, b))
    return torch.cat([a, b])


def texts_at(names: Sequence[str], places: np.ndarray) -> np.ndarray:
    """The names at places (n,), floats; empty where that is NaN."""
    known = np.where(np.isnan(places), len(names), places).astype(int)
    found: np.ndarray = np.array([*names, ""])[known]
    return found


def spreadsheet_texts(column: np.ndarray, mark: str = "'") -> np.ndarray:
    """A column for a CSV file: `mark` stands before a text that a spreadsheet would compute."""
    if column.dtype.kind not in "OU":
        return column
    return np.array([f"{mark}{text}" if is_formula(str(text)) else text for text in column], object)


def spreadsheet_csv(columns: Mapping[str, np.ndarray]) -> str:
    """Columns as a CSV file of which no text is a formula, no column's name either."""
    import pandas as pd

    safe = {name: spreadsheet_texts(np.asarray(column)) for name, column in columns.items()}
    names = spreadsheet_texts(np.array(list(safe), object)).tolist()
    return str(pd.DataFrame(safe).to_csv(index=False, header=names))


def one_line(text: str) -> str:
    """A text from outside as it can be shown: any space is a plain one, what else cannot be is "?".

    The two joiners, of Persian and of emoji, are kept.
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(map(_shown, text))


def _shown(c: str) -> str:
    if unicodedata.category(c) == "Zs":
        return " "
    return c if c.isprintable() or c in "\u200c\u200d" else "?"


def _short(row: bytes) -> bytes:
    if len(row) <= MAX_BYTES:
        return row
    return "…".encode() + row[-MAX_BYTES + 3 :].decode(errors="ignore").encode()
