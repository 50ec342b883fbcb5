"""Which of the means are shown, by what is known of their images; and a search among them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import streamlit as st

from ui.components.address import linked, refuse
from ui.components.latent_plane.means import CLASS, NOT_KNOWN, categories, class_names
from ui.encoded.images import TEST, TRAIN, Shown
from ui.kept import keep, kept
from ui.text.plain import plain
from vae_core.data.texts import texts_of

SPLIT = "images"  # test or training
MAX_LINKED = 2_000  # characters of a link's filters …
MAX_NUMBER = 1e300  # … and the size of a number there
KEPT = "kept "  # before the digest of filters that are longer, and are kept for their visitor

Filter = list[Any] | None  # names, or [low, high] with or without NOT_KNOWN; None keeps all


def columns(shown: Shown) -> list[str]:
    """By what the means can be filtered."""
    latents, config = shown.latents, shown.opened.config
    found = [CLASS] if latents.labels is not None else []
    found += config.get("factor_names", []) if latents.factors is not None else []
    return [*found, SPLIT] if shown.which == "both" else found


def choose_filters(shown: Shown) -> tuple[np.ndarray, str | None]:
    """Which rows are shown, (n,) bool, and what the address says of it."""
    whole, options = np.ones(len(shown.latents), bool), columns(shown)
    if not options:
        return whole, None
    if "filtered" not in st.session_state:
        st.session_state["filtered"] = _linked(options)
    before: dict[str, Filter] = st.session_state["filtered"]
    # Widgets of other images have other choices and ends: each set is one of its own.
    of = f"{shown.opened.id}-{shown.which}"
    fresh = st.session_state.get("filters-of") != of
    st.session_state["filters-of"] = of
    if fresh or f"filters-{of}" not in st.session_state:
        st.session_state[f"filters-{of}"] = [name for name in before if name in options]
    chosen = st.multiselect(
        "Filter by",
        options,
        key=f"filters-{of}",
        persist_state="session",
    )
    filtered: dict[str, Filter] = {}
    for name in chosen:
        key = f"filter-{of}-{name}"
        if fresh:
            st.session_state.pop(key, None)
            st.session_state.pop(f"{key}-unknown", None)
        passed, filtered[name] = _filter(shown, name, key, before.get(name))
        whole &= passed
    st.session_state["filtered"] = filtered
    return whole, _said(filtered) if filtered else None


def found_by(shown: Shown, text: str) -> np.ndarray:
    """Rows of the images whose file, class or category holds a text, whatever its case."""
    text = text.strip().casefold()
    hits = np.zeros(len(shown.latents), bool)
    if not text:
        return np.flatnonzero(hits)
    if shown.latents.sources is not None:
        hits |= np.array([text in each.casefold() for each in texts_of(shown.latents.sources)])
    for name in columns(shown):
        if names := _names(shown, name):
            which = [k for k, each in enumerate(names) if text in each.casefold()]
            hits |= np.isin(_values(shown, name), which)
    return np.flatnonzero(hits)


def searchable(shown: Shown) -> bool:
    """Whether there are texts to be searched."""
    return shown.latents.sources is not None or any(_names(shown, n) for n in columns(shown))


def _filter(shown: Shown, name: str, key: str, given: Filter) -> tuple[np.ndarray, Filter]:
    """A widget for one column; the rows that it keeps, and what the address says of it."""
    values = _values(shown, name)
    known = ~np.isnan(values)
    if names := _names(shown, name):
        options = [*names, NOT_KNOWN] if not known.all() else list(names)
        asked = [each for each in given or () if each in options]
        st.session_state.setdefault(key, asked if asked or given == [] else options)
        chosen = st.multiselect(plain(name), options, key=key, persist_state="session")
        places = [options.index(each) for each in chosen]
        within = np.isin(np.where(known, values, len(names)), places)
        return within, None if len(chosen) == len(options) else chosen
    if not known.any() or values[known].min() == values[known].max():
        st.caption(f"{plain(name)} does not vary.")
        least = float(values[known].min()) if known.any() else 0.0
        with_unknown = _with_unknown(~known, key, given)
        return known | with_unknown, None if with_unknown else [least, least]
    low, high = float(values[known].min()), float(values[known].max())
    whole = bool((values[known] == np.rint(values[known])).all())
    ends: tuple[Any, Any] = (int(low), int(high)) if whole else (low, high)
    asked = [type(ends[0])(each) for each in given or () if not isinstance(each, str)]
    span = (max(asked[0], ends[0]), min(asked[1], ends[1])) if len(asked) == 2 else ends
    st.session_state.setdefault(key, span if span[0] <= span[1] else ends)
    a, b = st.slider(plain(name), *ends, key=key, persist_state="session")
    with_unknown = _with_unknown(~known, key, given)
    within = known & (values >= a) & (values <= b)
    if (a, b) == ends and with_unknown:
        return known | with_unknown, None
    said = [NOT_KNOWN] if with_unknown and not known.all() else []
    return within | (~known & with_unknown), [a, b, *said]


def _with_unknown(unknown: np.ndarray, key: str, given: Filter) -> bool:
    """Whether images without a value are kept: a widget where there are any; at first they are."""
    if not unknown.any():
        return True
    key = f"{key}-unknown"
    st.session_state.setdefault(key, not given or NOT_KNOWN in given)
    label = f"Also the {unknown.sum():,} without a value"
    return st.checkbox(label, key=key, persist_state="session")


def _names(shown: Shown, column: str) -> tuple[str, ...]:
    if column == SPLIT:
        return TEST, TRAIN
    if column == CLASS and shown.latents.labels is not None:
        return class_names(shown.opened)
    return categories(shown.opened, column)


def _values(shown: Shown, column: str) -> np.ndarray:
    """Numbers (n,), which count into the names where there are any; NaN where not known."""
    if column == SPLIT:
        learned: np.ndarray = (shown.splits == TRAIN).astype(float)
        return learned
    if column == CLASS and shown.latents.labels is not None:
        found = shown.latents.labels
    else:
        assert shown.latents.factors is not None
        found = shown.latents.factors[:, shown.opened.config["factor_names"].index(column)]
    values: np.ndarray = found.double().numpy()
    return values


def _said(filtered: dict[str, Filter]) -> str:
    """What the address says of the filters; what is too long for it is kept for the visitor."""
    text = json.dumps(filtered, ensure_ascii=False, separators=(",", ":"))
    if len(text) <= MAX_LINKED:
        return text
    if kept("filters").get("text") != text:
        keep("filters", {"text": text})
    return KEPT + _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _linked(options: list[str]) -> dict[str, Filter]:
    """What the link filters by, column by column."""
    text = linked("filter")[:MAX_LINKED]
    if not text:
        return {}
    if text.startswith(KEPT):
        digest, text = text.removeprefix(KEPT), str(kept("filters").get("text", ""))
        if _digest(text) != digest:
            refuse("filter", "it is too long for a link, and not kept here; all are shown")
            return {}
    try:
        found = json.loads(text)
        sound = isinstance(found, dict) and all(
            values is None
            or (
                isinstance(values, list)
                and (all(isinstance(v, str) for v in values) or _is_span(values))
            )
            for values in found.values()
        )
    except (ValueError, RecursionError):
        sound = False
    if not sound or not found.keys() <= set(options):
        refuse("filter", "it names other columns than these images have; all are shown")
        return {}
    return dict(found)


def _is_span(values: list[Any]) -> bool:
    """Whether these are two numbers, and perhaps that those not known are there, too."""
    if values[2:] == [NOT_KNOWN]:
        values = values[:2]
    # A whole number may have more digits than any float; NaN is less than nothing.
    numbers = all(isinstance(v, int | float) and abs(v) < MAX_NUMBER for v in values)
    return len(values) == 2 and numbers
