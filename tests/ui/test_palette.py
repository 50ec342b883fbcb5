"""Letters in the colours of symbols can be read on either ground."""

from __future__ import annotations

import pytest

from ui.palette import SYMBOL_COLOURS, SYMBOL_INKS

GROUNDS = ("#ffffff", "#f3f5f9"), ("#0f141b", "#1a222c")  # as .streamlit/config.toml has them


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("symbol", SYMBOL_COLOURS)
def test_a_symbol_s_ink_has_a_contrast_of_four_and_a_half(symbol: str) -> None:
    for ink, grounds in zip(SYMBOL_INKS[symbol], GROUNDS, strict=True):
        for ground in grounds:
            low, high = sorted((luminance(ink), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
