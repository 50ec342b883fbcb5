"""The latent plane without a server: what exported pages and the notebook widget are made of.

host.js shows a plane in an element of any page, engine_channel.js has the engine decode for it;
choice.js and dimensions.js are what stands around it, saving.js hangs the menu that saves it. A
page loads them as one text, see `bundled`.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from pathlib import Path

from live.models import OpenModel
from live.weights.classifier import CODES, fitted
from ui.components.latent_plane.points import PlanePoints
from vae_core.errors import DataError

_COMPONENTS = Path(__file__).parents[2] / "components"
ENGINE = _COMPONENTS / "engine" / "assets" / "worker.js"
CONTROLS_STYLE = Path(__file__).parent / "controls.css"
SAVING = Path(__file__).parent / "saving.js"
MENU_STYLE = _COMPONENTS / "figure" / "assets" / "menu.css"
PLANE_STYLE = _COMPONENTS / "latent_plane" / "assets" / "plane.css"

_IMPORT = re.compile(r'^import (?:\* as (\w+)|\{([^}]*)\}) from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_COMMENT = re.compile(r"^ *(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile("^ +", re.MULTILINE)


def classifiers_in_text(opened: OpenModel, points: PlanePoints | None) -> dict[str, str] | None:
    """That of codes, as `described` takes it: in the URL itself, for there is no server to ask.

    None where the points have no classes to be told.
    """
    if points is None or len(points.classes) < 2:
        return None
    try:
        packed = fitted(opened, CODES)
    except DataError:  # too many classes: the plane does without
        return None
    text = base64.b64encode(packed).decode()
    return {CODES: f"data:application/octet-stream;base64,{text}"}


@lru_cache(maxsize=8)
def bundled(entry: Path) -> str:
    """The module `entry` and all that it imports, as one text that imports nothing.

    A module that is imported becomes a function of its own, before those that import it; `entry`
    stands at the end, with its exports if it has any. Comments are left out.
    """
    names: dict[Path, str] = {}
    _name(entry.resolve(), names)
    *imported, last = names
    wrapped = (_wrapped(path, names) for path in imported)
    return '"use strict";\n' + "".join(wrapped) + _linked(last, names)


def _name(path: Path, names: dict[Path, str]) -> None:
    """Name `path` after all that it imports."""
    if path in names:
        return
    for _, _, target in _IMPORT.findall(path.read_text("utf-8")):
        _name((path.parent / target).resolve(), names)
    names[path] = f"${len(names)}_{path.stem}"


def _wrapped(path: Path, names: dict[Path, str]) -> str:
    text = _linked(path, names)
    exported = ", ".join(_EXPORT.findall(text))
    body = _EXPORT.sub("", text)
    return f"const {names[path]} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _linked(path: Path, names: dict[Path, str]) -> str:
    """The module's text, short, its imports taken from what they are named."""

    def take(found: re.Match[str]) -> str:
        whole, some, target = found.groups()
        source = names[(path.parent / target).resolve()]
        return f"const {whole or '{' + some.replace(' as ', ': ') + '}'} = {source};\n"

    return _INDENT.sub("", _COMMENT.sub("", _IMPORT.sub(take, path.read_text("utf-8"))))
