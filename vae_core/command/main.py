"""The command line: which subcommands there are, and how each ends."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from vae_core.command import encode, evaluate, export, importing, listing, sample, train
from vae_core.command.hub import pull, push
from vae_core.errors import ConfigError, ZscapeError
from vae_core.plugins import load_plugins

# Each is a module with its arguments and what it does; its docstring's first line is its help.
COMMANDS: dict[str, ModuleType] = {
    "train": train,
    "evaluate": evaluate,
    "encode": encode,
    "sample": sample,
    "export": export,
    "import": importing,
    "list": listing,
    "pull": pull,
    "push": push,
}


class Parser(argparse.ArgumentParser):
    """A parser for which bad arguments are one clear line and exit code 2."""

    def error(self, message: str) -> Any:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def build_parser(prog: str = "python -m vae_core") -> argparse.ArgumentParser:
    parser = Parser(prog=prog, description="Train and inspect VAEs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        text = first_line(module)
        sub = commands.add_parser(name, help=text, description=text)
        module.add_arguments(sub)
        sub.add_argument(
            "--plugin",
            action="append",
            default=[],
            metavar="FILE.py",
            help="run it first: it registers networks, data sets and the like; once for each",
        )
        sub.set_defaults(run=module.run)
    return parser


def first_line(module: ModuleType) -> str:
    """What a subcommand does, in a sentence."""
    return (module.__doc__ or "").partition("\n")[0]


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "python -m vae_core",
    make_page: Callable[[Path, bool, int | None], bytes] | None = None,
) -> int:
    """Run a command; 0 when it worked, 2 for bad arguments, 1 when it failed.

    make_page(checkpoint, encoder, thumbnails) gives the bytes of `export --html`, of which the
    library has no part.
    """
    given = argparse.Namespace(make_page=make_page)
    arguments = _signed(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            return _run(build_parser(prog).parse_args(arguments, given))
        finally:
            if sys.stdout is not None:  # closed by who called
                sys.stdout.flush()
    except BrokenPipeError:  # `… list | head` is no failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _signed(arguments: Sequence[str]) -> list[str]:
    """A value such as -1:1 joined to its option by "=": else argparse takes it for an option."""
    joined: list[str] = []
    for each in arguments:
        if re.match(r"-[\d.]+:", each) and joined and re.fullmatch(r"--[a-z-]+", joined[-1]):
            joined[-1] += f"={each}"
        else:
            joined.append(each)
    return joined


def _run(options: argparse.Namespace) -> int:
    try:
        load_plugins(options.plugin)
        options.run(options)
    except ConfigError as error:
        print(f"zscape: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except (ZscapeError, OSError) as error:
        print(f"zscape: {_sentence(error)}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:  # PyTorch's own is a RuntimeError
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        print(
            "zscape: there is not enough memory; choose narrower layers, smaller batches or fewer "
            "samples.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("zscape: interrupted.", file=sys.stderr)
        return 1
    return 0


def _sentence(error: ZscapeError | OSError) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be read or written: {error.strerror}; name another place."
    return str(error)
