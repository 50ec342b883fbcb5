"""Python from outside that registers networks, data sets, likelihoods, objectives, measures.

It is what a file of ZSCAPE_PLUGINS does when it is run, or a module that an installed package names
in the entry-point group `zscape.plugins`. Whoever starts the program says which; no model, upload
or page can name one.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from vae_core.errors import ConfigError

VARIABLE, GROUP = "ZSCAPE_PLUGINS", "zscape.plugins"
HOW = f"--plugin FILE.py or {VARIABLE} brings one of your own"
MAX_BYTES = 1 << 20  # of a file that goes along to a cluster

_PREFIX = "zscape_plugin_"
_loaded: dict[str, str] = {}  # module's name -> what brings it, for a sentence
_contents: set[str] = set()  # of the files that were loaded, wherever they lay
_lock = threading.RLock()


def load_plugins(files: Iterable[str | Path] = ()) -> None:
    """Load `files`, those of ZSCAPE_PLUGINS and those of installed packages, each once.

    `files` are written into ZSCAPE_PLUGINS, so that processes which this one starts have them.
    ConfigError where one is not there or fails, with its line.
    """
    with _lock:
        added = [str(Path(file).expanduser().absolute()) for file in files]
        said = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
        wanted = list(dict.fromkeys([*said, *added]))
        for path in wanted:
            _load_file(Path(path).expanduser().resolve())
        if added:
            os.environ[VARIABLE] = os.pathsep.join(wanted)
        for point in entry_points(group=GROUP):
            if point.module not in _loaded:
                _run(point.load, f"The plugin {point.name} of {_package(point)}")
                _loaded[point.module] = _package(point)


def plugin_files() -> dict[str, bytes]:
    """The files of ZSCAPE_PLUGINS by name, for a machine that has not got them."""
    found = {}
    for text in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = Path(text).expanduser()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"The plugin {path} cannot be read: {error.strerror}.") from error
        if len(data) > MAX_BYTES or path.name in found:
            raise ConfigError(f"The plugin {path.name} is too large, or another is called so.")
        found[path.name] = data
    return found


def brought_by(registered: Mapping[str, Callable[..., Any]]) -> dict[str, str]:
    """Of what was registered for a model, by its role: what brings each that is not Zscape's own.

    That is a plugin's file, a package, or the module it stands in.
    """
    found = {}
    for role, made in registered.items():
        top = made.__module__.partition(".")[0]
        if top != "vae_core":
            module = made.__module__
            found[role] = _loaded.get(module) or _loaded.get(top) or module
    return found


def _load_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"There is no plugin {path}; it is to be a file of Python, mine.py.")
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    if content in _contents:
        return
    name = _PREFIX + "".join(c if c.isalnum() else "_" for c in path.stem)
    while name in sys.modules:
        name += "_"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"The plugin {path.name} is no file of Python; it is to end in .py.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader
    try:
        _run(lambda: loader.exec_module(module), f"The plugin {path.name}")
    except ConfigError:
        del sys.modules[name]
        raise
    _contents.add(content)
    _loaded[name] = path.name


def _run(load: Callable[[], object], what: str) -> None:
    try:
        load()
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        line = " ".join(str(error).split())[:300].rstrip(".")
        raise ConfigError(
            f"{what} fails at line {where.lineno} of {Path(where.filename).name}: "
            f"{type(error).__name__}{line and ': '}{line}."
        ) from error


def _package(point: Any) -> str:
    return str(point.dist.name) if point.dist is not None else str(point.module)
