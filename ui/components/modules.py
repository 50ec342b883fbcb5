"""Components whose JavaScript is a folder of ES modules, served once by `live.assets`."""

from __future__ import annotations

import importlib.util
import json
import re
from importlib.metadata import version
from pathlib import Path

from live.assets import publish_folder, publish_later

_IMPORT = re.compile(r'^import .* from "\./([\w.-]+)";', re.MULTILINE)
_SAVE = publish_folder(Path(__file__).parent / "figure" / "assets")
_BOOTSTRAP = (Path(__file__).parent / "bootstrap.js").read_text("utf-8")


def _plotly() -> str:
    """The URL of Plotly's script, found without importing the package."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None and spec.submodule_search_locations
    script = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return publish_later(script, version("plotly"))


PLOTLY = _plotly()
_CONSTANTS = f"const SAVE = {json.dumps(_SAVE)};\nconst PLOTLY = {json.dumps(PLOTLY)};\n"


def module_component(folder: Path, entry: str) -> tuple[str, str]:
    """Serve the .js and .css files in `folder`.

    Returns their URL, which the component wants as "assets" among its data, and the text for its
    `js=`, which loads them and calls the function `mount` that `entry` exports. The component's
    `data=` is a list of one dict: a bare dict is searched for data frames, and Streamlit imports
    pandas for that, half a second in which the first visitor waits. Where `entry` exports `saved`,
    which gives the figure that stands in a place, a menu that saves it hangs there.
    """
    files = sorted({*needed(folder, entry), *(path.name for path in folder.glob("*.css"))})
    constants = f"const ENTRY = {json.dumps(entry)};\nconst FILES = {json.dumps(files)};\n"
    return publish_folder(folder), _CONSTANTS + constants + _BOOTSTRAP


def needed(folder: Path, entry: str) -> set[str]:
    """The modules that `entry` imports, itself among them; not those that come when asked for."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += _IMPORT.findall((folder / name).read_text("utf-8"))
    return found


def publish_all() -> None:
    """Serve those of all components, before any page has shown one: another server's may ask."""
    for folder in sorted(Path(__file__).parent.glob("*/assets")):
        publish_folder(folder)
