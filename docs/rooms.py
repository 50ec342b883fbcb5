"""The rooms of the house and the arrows between them, read from the source.

    python -m docs.rooms        # draws docs/architecture.svg

An arrow is an import, wherever it stands: at the top, inside a function, or for types alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# From the door to the ground: each imports what stands after it, and nothing before it.
HOUSE = ("app", "zscape", "pages", "ui", "live", "vae_core")
LIBRARY = (
    *("command", "export", "runs", "checkpoints", "measures", "training", "objectives", "latent"),
    *("adapters", "models", "data", "files", "plugins", "errors"),
)
Arrows = dict[str, set[str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Each module of the house by its dotted name; a package stands for its __init__."""
    found = {}
    for top in HOUSE:
        for path in [*root.glob(f"{top}.py"), *sorted((root / top).rglob("*.py"))]:
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The (local name, absolute dotted name) pairs that `node` imports in a module of `package`."""
    match node:
        case ast.Import():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name
        case ast.ImportFrom():
            above = package[: len(package) + 1 - node.level] if node.level else ()
            for alias in node.names:
                parts = [*above, *filter(None, [node.module]), alias.name]
                yield alias.asname or alias.name, ".".join(parts)
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
            if ast.unparse(function).rpartition(".")[2] in {"import_module", "__import__"}:
                yield name, name


def arrows(found: Mapping[str, Path]) -> Arrows:
    """Which modules each of `found` imports."""
    drawn: Arrows = {name: set() for name in found}
    for name, path in found.items():
        package = tuple(name.split("."))
        package = package if path.name == "__init__.py" else package[:-1]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for _, imported in imports(node, package):
                while imported not in found and "." in imported:  # a name in it, not a module
                    imported = imported.rpartition(".")[0]
                if imported in found and imported != name:
                    drawn[name].add(imported)
    return drawn


def between(drawn: Arrows, room: str = "") -> Arrows:
    """The arrows between the entries of a room; those of the house where none is named."""
    inside = f"{room}." if room else ""
    entries: Arrows = {}

    def entry(module: str) -> str | None:
        if not module.startswith(inside):
            return None
        return inside + module.removeprefix(inside).partition(".")[0]

    for module, imported in drawn.items():
        start = entry(module)
        if start is not None:
            ends = {entry(each) for each in imported}
            entries.setdefault(start, set()).update(e for e in ends if e and e != start)
    return entries


def circle(drawn: Arrows) -> list[str]:
    """Some way along the arrows that comes back to where it began; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for each in sorted(drawn.get(name, ())):
            if found := walk(each, [*way, name]):
                return found
        done.add(name)
        return []

    for name in sorted(drawn):
        if found := walk(name, []):
            return found
    return []


def rooms(found: Mapping[str, Path]) -> list[str]:
    """The packages among the modules; a folder of pages is none."""
    return [name for name, path in found.items() if path.name == "__init__.py"]


def needed(drawn: Arrows) -> Arrows:
    """The arrows that no longer way along the others stands for."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = list(drawn.get(start, ()))
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += drawn.get(name, ())
        return seen

    return {
        name: {e for e in ends if not any(e in reached(other) for other in ends - {e})}
        for name, ends in drawn.items()
    }


WIDTH, ROW, LEFT, BOX = 1000, 46, 130, 36
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #111827; }
.name { font-weight: 600; } .what { font-size: 13px; fill: #4b5563; }
rect { fill: #f3f5f9; stroke: #c9d1dd; } .house { fill: #e8eefc; stroke: #1d4ed8; }
path { fill: none; stroke: #6b7280; stroke-width: 1.2; } #tip path { fill: #6b7280; stroke: none; }
.ground { fill: #fff; }
"""


def drawing(root: Path = ROOT) -> str:
    """The picture, as SVG: the rooms from the door to the ground, arrows at the left."""
    found = modules(root)
    drawn = arrows(found)
    house, library = between(drawn), between(drawn, "vae_core")
    library.pop("vae_core.__main__", None)
    links = {name: set(ends) for name, ends in house.items() if name != "vae_core"}
    links |= library
    for name in HOUSE[:-1]:  # from outside, to the very rooms of the library
        links[name].discard("vae_core")
        for module in drawn:
            if module.partition(".")[0] == name:
                inside = (each for each in drawn[module] if each.startswith("vae_core."))
                links[name] |= {".".join(each.split(".")[:2]) for each in inside}
    names = [*HOUSE[:-1], *(f"vae_core.{room}" for room in LIBRARY)]
    rows = {name: 20 + ROW * k for k, name in enumerate(names)}
    top = rows[names[len(HOUSE) - 1]] - 8
    parts = [
        f'<rect class="ground" x="0" y="0" width="{WIDTH}" height="{ROW * len(names) + 30}"/>',
        f'<rect class="house" x="{LEFT - 8}" y="{top}" width="{WIDTH - LEFT - 2}" rx="6" '
        f'height="{ROW * len(LIBRARY) + 4}"/>',
    ]
    for start, ends in needed(links).items():
        for end in sorted(ends & rows.keys()):
            parts.append(_arc(rows[start] + BOX / 2 + 5, rows[end] + BOX / 2 - 5))
    for name, y in rows.items():
        parts += _box(name, y, _idea(found.get(name)))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(names) + 30}" '
        'role="img"><title>The rooms, from the door to the ground; an arrow is an import that no '
        f"longer way stands for</title><style>{STYLE}</style>\n"
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker>\n{body}\n</svg>\n'
    )


def _arc(start: float, end: float) -> str:
    """An arrow from one row to a lower one, the farther the longer it is."""
    out = LEFT - 14 - min(105, 10 + 0.22 * (end - start))
    return (
        f'<path marker-end="url(#tip)" d="M{LEFT - 2} {start:.0f} C{out:.0f} {start:.0f} '
        f'{out:.0f} {end:.0f} {LEFT - 2} {end:.0f}"/>'
    )


def _box(name: str, y: int, idea: str) -> Iterable[str]:
    label = name.removeprefix("vae_core.")
    yield f'<rect x="{LEFT}" y="{y}" width="{WIDTH - LEFT - 18}" height="{BOX}" rx="4"/>'
    yield f'<text class="name" x="{LEFT + 12}" y="{y + 24}">{escape(label)}</text>'
    yield f'<text class="what" x="{LEFT + 116}" y="{y + 24}">{escape(idea)}</text>'


def _idea(path: Path | None) -> str:
    """The first line of a module's docstring; pages are a folder without one."""
    if path is None:
        return "A thin file a page: read widgets, call vae_core, show"
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".,:").replace("`", "")


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.svg").write_text(drawing(), "utf-8")
