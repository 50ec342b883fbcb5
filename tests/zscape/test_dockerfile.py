"""The Dockerfile, as far as it can be tried without Docker: its files, its pins, its command."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLIBCS = [f"_2_{minor}" for minor in (17, 24, 26, 27, 28, 31, 34, 35, 39)]  # wheels are made for
NEEDED = (["info"], ["buildx", "version"])  # of Docker


def instructions() -> Iterator[tuple[str, str]]:
    """The Dockerfile's instructions in order, each with its text on one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            keyword, _, rest = line.partition(" ")
            yield keyword, " ".join(rest.split())


INSTRUCTIONS = [*instructions()]
LAST_STAGE = INSTRUCTIONS[
    max(i for i, (keyword, _) in enumerate(INSTRUCTIONS) if keyword == "FROM") :
]


def of_kind(wanted: str) -> list[str]:
    """The texts of the last stage's instructions of one keyword."""
    return [text for keyword, text in LAST_STAGE if keyword == wanted]


def in_context(path: Path) -> bool:
    """Whether .dockerignore leaves this file of the checkout to Docker: the last word counts."""
    kept = True
    inside = PurePosixPath(path.relative_to(ROOT).as_posix())
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if line.startswith("#") or not line:
            continue
        anywhere = line.startswith("**/")
        for part in (inside, *inside.parents):
            if fnmatchcase(part.name if anywhere else str(part), pattern) and str(part) != ".":
                kept = line.startswith("!")
    return kept


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the last stage copies from the checkout, laid as in the image."""
    folder = tmp_path_factory.mktemp("image")
    for text in of_kind("COPY"):
        *sources, target = text.split()
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            files = [p for p in [ROOT / source, *(ROOT / source).rglob("*")] if p.is_file()]
            assert any(map(in_context, files)), f"COPY {source}: not in the build's context"
            for file in filter(in_context, files):
                inside = file.relative_to(ROOT / source) if (ROOT / source).is_dir() else file.name
                place = folder / target / inside
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
    return folder


def test_the_context_is_what_the_image_needs(image: Path) -> None:
    context = {p.relative_to(ROOT).as_posix() for p in tracked() if in_context(p)}
    copied = {p.relative_to(image).as_posix() for p in image.rglob("*") if p.is_file()}
    assert copied == context - {"requirements.txt"}  # of the first stage
    assert not [name for name in copied if "__pycache__" in name]


def tracked() -> list[Path]:
    """The checkout without what is installed or made in it."""
    names = ["app.py", "pyproject.toml", "requirements.txt", "README.md", "Dockerfile"]
    folders = [
        ".streamlit", "benchmarks", "checkpoints", "docs", "lessons", "live", "pages", "tests",
        "ui", "vae_core", "zscape",
    ]  # fmt: skip
    inside = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return [*(ROOT / name for name in names), *(path for path in inside if path.is_file())]


def test_it_runs_as_a_user_with_a_home_for_what_is_made() -> None:
    assert of_kind("USER")[-1] == "zscape"
    (made,) = (text for text in of_kind("RUN") if "useradd" in text)
    assert "--create-home" in made
    assert "--uid 1000" in made  # a Space's
    after = LAST_STAGE[LAST_STAGE.index(("USER", "zscape")) :]
    assert not {keyword for keyword, _ in after} & {"RUN", "COPY"}
    for name in ("ZSCAPE_RUNS", "ZSCAPE_DATA"):
        folder = variables()[name]
        assert folder.startswith("/home/zscape/")
        (owned,) = (text for text in of_kind("RUN") if "chown zscape:" in text)
        assert owned.count(folder) == 2  # made, and the user's


def variables() -> dict[str, str]:
    """What ENV sets."""
    words = shlex.split(" ".join(of_kind("ENV")))
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def test_it_serves_at_the_port_of_a_space() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    (head,) = re.findall(r"^---\n(.*?)^---\n", guide, re.MULTILINE | re.DOTALL)
    settings = dict(line.split(": ") for line in head.splitlines())
    assert settings["sdk"] == "docker"
    command = json.loads(of_kind("CMD")[-1])
    assert settings["app_port"] == command[command.index("--port") + 1] == of_kind("EXPOSE")[0]
    assert f"127.0.0.1:{settings['app_port']}/_stcore/health" in of_kind("HEALTHCHECK")[0]


def test_its_command_serves_what_it_copies(
    image: Path,
    serving: Callable[..., AbstractContextManager[Any]],
    in_use: Callable[[], AbstractContextManager[int]],
    tmp_path: Path,
) -> None:
    command = json.loads(of_kind("CMD")[-1])
    assert command[:2] == ["python", "-m"]
    with in_use() as port:
        pass
    command[0], command[command.index("--port") + 1] = sys.executable, str(port)
    home = tmp_path / "home"
    place = {name: value.replace("/home/zscape", str(home)) for name, value in variables().items()}
    place["PATH"] = os.environ["PATH"]
    with serving(*command, folder=image, **place):
        check = json.loads(of_kind("HEALTHCHECK")[0].partition("CMD ")[2])
        check[-1] = check[-1].replace(":7860/", f":{port}/")
        subprocess.run([sys.executable, *check[1:]], check=True)
        with urlopen(f"http://127.0.0.1:{port}/live/ask?model=mnist-2d") as answer:
            assert json.load(answer)["latent_dim"] == 2


def test_each_pin_has_a_wheel_for_the_images_python(tmp_path: Path) -> None:
    """The slim image has no compiler."""
    (base,) = {text.split()[0] for keyword, text in INSTRUCTIONS if keyword == "FROM"}
    version = re.fullmatch(r"python:(3\.\d+)-slim", base)
    assert version
    runs = [text for keyword, text in INSTRUCTIONS if keyword == "RUN"]
    (uv,) = re.findall(r"^pip install --no-cache-dir (uv==[\d.]+)$", runs[0])
    assert runs[1].endswith("-r requirements.txt")
    pins, lines = tmp_path / "pins.txt", (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    # Those of PyTorch come from its own index there.
    pins.write_text("\n".join(line for line in lines if not line.startswith("torch")), "utf-8")
    platforms = [f"--platform=manylinux{name}_x86_64" for name in ("2014", *GLIBCS)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run",
         "--no-deps", "--only-binary", ":all:", "--python-version", version[1], *platforms,
         "--target", tmp_path, uv, "-r", pins],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode and "Retrying" in done.stderr:
        pytest.skip("no package index is reached from here: the image's pins were not looked up")
    assert done.returncode == 0, done.stderr


def test_docker_finds_no_fault_with_it() -> None:
    docker = shutil.which("docker") or "/bin/false"
    if any(subprocess.run([docker, *ask], capture_output=True).returncode for ask in NEEDED):
        pytest.skip(
            "no Docker builds here: not tried are the base image, useradd and chown, uv with "
            "PyTorch's CPU build, and the command as that user"
        )
    subprocess.run([docker, "build", "--check", ROOT], check=True)
