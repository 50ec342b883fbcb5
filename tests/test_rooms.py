"""The plan of the house, read from its source: app, zscape -> pages -> ui -> live -> vae_core.

Every folder with modules is a room, and is held to the plan by being there.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vae_core
from docs.rooms import LIBRARY, ROOT, arrows, between, circle, drawing, imports, modules, rooms

MOST_ENTRIES = 15
MODULES = modules()
ARROWS = arrows(MODULES)

# What each room may import besides itself. Nothing imports a page: the navigation opens it.
MAY_IMPORT = {
    "app": {"ui", "live", "vae_core", "zscape"},
    "zscape": {"app", "ui", "live", "vae_core"},
    "pages": {"ui", "live", "vae_core"},
    "ui": {"live", "vae_core"},
    "live": {"vae_core"},
    "vae_core": set[str](),
    "benchmarks": {"ui", "live", "vae_core"},
    "docs": {"benchmarks", "ui", "live", "vae_core"},
}
PROJECT = {*MAY_IMPORT, "tests"}
SHOWN_BY_STREAMLIT = {"altair", "plotly", "pydeck", "streamlit"}
FOREIGN = {
    "live": SHOWN_BY_STREAMLIT,
    "vae_core": SHOWN_BY_STREAMLIT | {"fastapi", "starlette", "uvicorn", "websockets"},
}
# Loaded from the room that each lies in: an arrow to there that no picture of imports has.
PUBLIC = {f"vae_core.{name}" for name in vae_core.__all__}
RUNS_CODE_ON_LOADING = {
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "pandas.read_pickle",
    "pickle",
    "shelve",
    "torch.load",
    "torch.save",
}


def violations(root: Path) -> list[str]:
    """Every breach of the plan under `root`, as "file:line what is wrong"."""
    return [
        f"{path.relative_to(root)}:{line} {breach}"
        for room in MAY_IMPORT
        for path in [*root.glob(f"{room}.py"), *sorted((root / room).rglob("*.py"))]
        for line, breach in breaches(
            ast.parse(path.read_text("utf-8")), path.relative_to(root), room
        )
    ]


def breaches(tree: ast.Module, path: Path, room: str) -> Iterator[tuple[int, str]]:
    names: dict[str, str] = {}  # what a local name stands for: {"np": "numpy"}
    for node in ast.walk(tree):
        for local, imported in imports(node, path.parent.parts):
            # Of `import a.b` the name is a, and it is a.
            names[local] = local if imported.startswith(f"{local}.") else imported
            top = imported.partition(".")[0]
            if top in PROJECT - MAY_IMPORT[room] and (top != room or room == "pages"):
                yield node.lineno, f"{room} imports {imported}"
            if top in FOREIGN.get(room, ()):
                yield node.lineno, f"{room} imports the web library {top}"
            if room == "vae_core" and imported in PUBLIC:
                yield node.lineno, f"imports {imported}, not from the room that it lies in"
            if {top, imported} & RUNS_CODE_ON_LOADING:
                yield node.lineno, f"imports {imported}, which can run code from a file"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            local, _, rest = ast.unparse(node).partition(".")
            used = f"{names.get(local, local)}.{rest}"
            if used in RUNS_CODE_ON_LOADING or (room == "vae_core" and used in PUBLIC):
                yield node.lineno, f"uses {used}"
        if (
            isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and ast.unparse(node.value) != "False"
        ):
            yield node.lineno, "sets allow_pickle"


def test_the_house_stands_as_planned() -> None:
    assert violations(ROOT) == []


def test_no_import_comes_back_to_where_it_began() -> None:
    assert circle(ARROWS) == []


@pytest.mark.parametrize("room", ["", *rooms(MODULES)])
def test_the_entries_of_a_room_import_one_way(room: str) -> None:
    assert circle(between(ARROWS, room)) == []


def test_the_rooms_of_the_library_import_downwards_alone() -> None:
    drawn = between(ARROWS, "vae_core")
    order = [f"vae_core.{name}" for name in ("__main__", *LIBRARY)]
    assert drawn.keys() == set(order), "a room without a place in the order"
    upwards = [
        (start, end)
        for start in drawn
        for end in drawn[start]
        if order.index(end) < order.index(start)
    ]
    assert upwards == []


@pytest.mark.parametrize("room", rooms(MODULES))
def test_a_room_can_be_taken_in_at_a_glance(room: str) -> None:
    inside = between({name: set() for name in MODULES}, room)
    assert len(inside) <= MOST_ENTRIES, f"{room} has {len(inside)} entries"


def test_the_drawing_is_of_the_house_as_it_stands() -> None:
    assert (ROOT / "docs" / "architecture.svg").read_text("utf-8") == drawing(), (
        "draw it anew: python -m docs.rooms"
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "", "b": "import vae_core.a"}, []),
        ({"a": "from vae_core import b", "b": "import vae_core.a"}, ["a", "b", "a"]),
        ({"a": "def f():\n    from vae_core.b import x", "b": "from . import a"}, ["a", "b", "a"]),
        (
            {
                "a": "if TYPE_CHECKING:\n    import vae_core.c",
                "b": "from .a import x",
                "c": "from .b import y",
            },
            ["a", "c", "b", "a"],
        ),
        ({"a": "import_module('vae_core.b')", "b": "import vae_core.a"}, ["a", "b", "a"]),
    ],
)  # fmt: skip
def test_a_circle_is_found_however_it_is_hidden(
    tmp_path: Path, files: dict[str, str], expected: list[str]
) -> None:
    for name, source in files.items():
        place(tmp_path, f"vae_core/{name}.py", source)
    assert circle(arrows(modules(tmp_path))) == [f"vae_core.{name}" for name in expected]


def test_a_circle_of_rooms_is_found_where_no_module_goes_round(tmp_path: Path) -> None:
    place(tmp_path, "vae_core/x/one.py", "from vae_core.y.one import a")
    place(tmp_path, "vae_core/x/two.py", "")
    place(tmp_path, "vae_core/y/one.py", "")
    place(tmp_path, "vae_core/y/two.py", "import vae_core.x.two")
    drawn = arrows(modules(tmp_path))
    assert circle(drawn) == []
    assert circle(between(drawn, "vae_core")) == ["vae_core.x", "vae_core.y", "vae_core.x"]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("vae_core/models.py", "import live"),
        ("vae_core/models.py", "from live.models import open_model"),
        ("vae_core/models.py", "def draw():\n    import plotly.express as px"),
        ("vae_core/models.py", "if True:\n    from starlette.routing import Route"),
        ("vae_core/models/vae.py", "def f():\n    from vae_core import evaluate"),
        ("vae_core/models/vae.py", "from .. import evaluate"),
        ("vae_core/models/vae.py", "import vae_core\nvae_core.evaluate()"),
        ("live/decode.py", "from ui import session"),
        ("live/decode.py", "import streamlit as st"),
        ("ui/figures.py", "from pages import overview"),
        ("ui/figures.py", "from .. import pages"),
        ("ui/components/plane/plane.py", "from ....pages.overview import draw"),
        ("ui/figures.py", "import importlib\nimportlib.import_module('pages.overview')"),
        ("ui/figures.py", "import app"),
        ("pages/decode.py", "from pages.overview import draw"),
        ("pages/decode.py", "from . import overview"),
        ("app.py", "import pages.overview"),
        ("benchmarks/speed.py", "from tests.conftest import data_root"),
        ("vae_core/checkpoints.py", "import torch\ntorch.load('model.pt')"),
        ("vae_core/checkpoints.py", "import torch as t\nread = t.load"),
        ("vae_core/checkpoints.py", "from torch import load"),
        ("vae_core/checkpoints.py", "import torch.nn\ntorch.save(1, 'model.pt')"),
        ("live/upload.py", "def read():\n    import pickle"),
        ("pages/labels.py", "import pandas as pd\npd.read_pickle('labels')"),
        ("vae_core/datasets.py", "import numpy as np\nnp.load('a.npz', allow_pickle=True)"),
        ("vae_core/datasets.py", "import numpy as np\nnp.load('a.npz', allow_pickle=trusted)"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, file: str, source: str) -> None:
    place(tmp_path, file, source)
    (breach,) = violations(tmp_path)
    assert breach.startswith(file)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("app.py", "import streamlit as st\nfrom live import routes\nfrom ui import navigation"),
        ("pages/decode.py", "from ui.figures import image\nfrom vae_core import paths"),
        ("ui/components/plane/plane.py", "from .. import images\nfrom live import models"),
        ("live/decode.py", "from starlette.routing import Route\nfrom . import models"),
        ("vae_core/checkpoints.py", "from .errors import CheckpointError\nimport torch"),
        ("vae_core/datasets.py", "import numpy as np\nnp.load('a.npz', allow_pickle=False)"),
        ("vae_core/checkpoints/hub.py", "import vae_core\nvae_core.__version__"),
        ("ui/figures.py", "from vae_core import evaluate"),
        ("tests/vae_core/test_checkpoints.py", "import pickle"),
    ],
)
def test_the_plan_allows(tmp_path: Path, file: str, source: str) -> None:
    place(tmp_path, file, source)
    assert violations(tmp_path) == []


def place(root: Path, file: str, source: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(source, "utf-8")


def test_the_server_answers_before_torch_is_loaded() -> None:
    program = "import sys, app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0
