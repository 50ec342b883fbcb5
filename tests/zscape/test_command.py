"""What `zscape` understands, what it says, and its exit codes."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shlex
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

import zscape.__main__
from vae_core.command.main import COMMANDS, first_line
from vae_core.command.main import build_parser as library_parser
from zscape.command import build_parser, main

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [page.read_text("utf-8") for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
SHOWN = sorted({line for text in TEXTS for line in re.findall(r"^zscape\b(.*)", text, re.M)})


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process; where it would serve, it prints how instead."""

    def serve(host: str, port: int, address: str, browser: bool) -> int:
        print(host, port, address, browser)
        return 0

    monkeypatch.setattr("zscape.serving.serve", serve)

    def run(*arguments: object) -> Outcome:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def test_alone_it_serves_this_machine_and_opens_a_browser(run: Run, tmp_path: Path) -> None:
    host, port, address, browser = run().out.split()
    assert (host, address, browser) == ("127.0.0.1", "/", "True")
    assert int(port) >= 8501
    assert os.environ["ZSCAPE_ALONE"] == "1"
    assert (tmp_path / "home" / "zscape" / "runs").is_dir()


def test_a_server_for_others_has_many_visitors(run: Run) -> None:
    assert run("--host", "0.0.0.0", "--no-browser").out.endswith(" / False\n")
    assert os.environ["ZSCAPE_ALONE"] == "0"


def test_a_path_is_where_it_begins(run: Run) -> None:
    checkpoint = ROOT / "checkpoints" / "digits-2d"
    assert run(checkpoint, "--no-browser").out.endswith(" /?model=digits-2d False\n")
    assert os.environ["ZSCAPE_OPEN"] == str(checkpoint)
    assert os.environ["ZSCAPE_CHECKPOINTS"] == str(checkpoint.parent)


def test_a_port_in_use_is_told(run: Run, in_use: Callable[[], AbstractContextManager[int]]) -> None:
    with in_use() as taken:
        outcome = run("--port", taken)
    assert outcome.code == 0
    assert re.fullmatch(rf"zscape: port {taken} is in use; \d+ is taken instead\.\n", outcome.err)


def test_a_place_for_runs_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.environ["ZSCAPE_RUNS"] = str(tmp_path / "file" / "runs")
    outcome = run()
    assert outcome.code == 0  # looking at models needs no such place
    assert "zscape: trainings and uploads cannot be kept in" in outcome.err
    assert "Set ZSCAPE_RUNS to a folder of yours." in outcome.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["trian", "--preset", "x"],
            "'trian' is neither a path nor a command; did you mean train?",
        ),
        (["no/thing/here"], "'no/thing/here' is neither a path nor a command."),
        (["--no-browser", "nowhere"], "'nowhere' is neither a path nor a command."),
        (["--port", "9000", "train"], "a command comes first, as in `zscape train ...`."),
        (["--port", "x"], "argument --port: 'x' is not a port, a number from 1 to 65,535."),
        (["--port", "70000"], "argument --port: '70000' is not a port"),
        (["--host", ""], "argument --host: '' is no address"),
        (["--host", "nowhere.invalid"], "'nowhere.invalid' is no address of this machine."),
        (["--colour"], "unrecognized arguments: --colour."),
        ([Path(__file__).parent], "There is no model in"),
        ([Path(__file__)], "is no zip of a checkpoint; name"),
    ],
)
def test_what_it_cannot_do_is_one_line(run: Run, arguments: list[str], sentence: str) -> None:
    outcome = run(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("zscape: ")
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_path_that_is_not_there_is_not_only_looked_for_on_the_hub(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    outcome = run("runs/digits")
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert outcome.err.startswith("zscape: There is no path runs/digits here, so it was taken for")
    assert 'pip install "zscape[hub]"' in outcome.err


def test_a_name_that_no_checkpoint_has_is_sent_to_a_command_that_lists_them(run: Run) -> None:
    error = run("evaluate", "nothere").err
    assert "the command `list` names those that there are" in error
    assert "digits-2d" in run("list").out


def test_a_broken_zip_is_a_failure(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "broken.zip", "w") as archive:
        archive.writestr("model/config.json", "{}")
    outcome = run(tmp_path / "broken.zip")
    assert outcome.code == 1
    assert outcome.err.startswith("zscape: model.safetensors is missing in the archive")


def test_the_help_has_both(run: Run) -> None:
    outcome = run("--help")
    assert outcome.code == 0
    for word in (
        "--port",
        "--host",
        "--no-browser",
        "--version",
        "PATH",
        *map(first_line, COMMANDS.values()),
    ):
        assert word in outcome.out


def test_a_subcommand_is_the_librarys(run: Run) -> None:
    assert "digits-2d" in run("list").out
    outcome = run("list", "no such folder")
    assert (outcome.code, outcome.err) == (2, "zscape: There is no folder no such folder.\n")


@pytest.mark.parametrize("line", SHOWN)
def test_the_command_has_the_arguments_that_are_shown(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words and words[0] in COMMANDS:
        library_parser().parse_args(words)
    else:
        build_parser().parse_args(words)


def test_an_older_python_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("zscape/__init__.py", "zscape/__main__.py", "vae_core/__init__.py"):
        ast.parse((ROOT / file).read_text("utf-8"), feature_version=(3, 7))  # are read first
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    assert zscape.__main__.main() == 1
    said = "zscape: this is Python 3.10; Zscape needs 3.11 or later.\n"
    assert capsys.readouterr().err == said
    with pytest.raises(ImportError, match=r"^This is Python 3\.10; Zscape needs 3\.11 or later\.$"):
        runpy.run_path(str(ROOT / "vae_core" / "__init__.py"))  # python -m vae_core begins there
