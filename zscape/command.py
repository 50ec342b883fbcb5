"""What `zscape` understands: it serves the app, or hands a subcommand to the library."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import vae_core
from vae_core.command.main import COMMANDS, first_line
from vae_core.command.main import main as run_command
from zscape.opening import is_repository
from zscape.page import make_page
from zscape.places import set_defaults, why_not_writable

_SEE = "See zscape --help."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Bad arguments are one clear line and exit code 2."""
        print(f"zscape: {message}. {_SEE}", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="zscape",
        usage="zscape [PATH] [--port N] [--host HOST] [--plugin FILE.py] [--no-browser]\n"
        "       zscape COMMAND [...]",
        description="Explore the latent space of variational autoencoders in the browser.",
        epilog="commands, each with a --help of its own:\n"
        + "\n".join(f"  {name:12}  {first_line(module)}" for name, module in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="begin with this: a checkpoint's folder or its zip, a run's folder, a folder of "
        "either, codes in a .npz, .parquet or .csv, or OWNER/NAME on the Hugging Face Hub "
        "(default: the models that come with Zscape)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="where to listen, or at the next free port (default: 8501)",
    )
    parser.add_argument(
        "--host",
        type=_host,
        default="127.0.0.1",
        help="the address to listen at; 0.0.0.0 lets other machines in (default: this one alone)",
    )
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE.py",
        help="run it first: it registers networks, data sets and the like; once for each",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--version", action="version", version=f"zscape {vae_core.__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, or run a subcommand; 0 when it worked, 2 for bad arguments, 1 when it failed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    first = arguments[0] if arguments else ""
    if first in COMMANDS:
        set_defaults()
        return run_command(arguments, "zscape", make_page)
    if first[:1] != "-":
        _check_path(first)  # before the options: a mistyped command has some that are unknown here
    options = build_parser().parse_args(arguments)
    _check_path(options.path or "")
    try:
        return _serve(options)
    except KeyboardInterrupt:
        return 0


def _check_path(text: str) -> None:
    """Say what is neither a path nor a command, and leave."""
    if not text or os.path.lexists(os.path.expanduser(text)) or is_repository(text):
        return
    if text in COMMANDS:
        reason = f"a command comes first, as in `zscape {text} ...`."
    else:
        near = difflib.get_close_matches(text, COMMANDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        reason = f"{text!r} is neither a path nor a command{hint}"
    print(f"zscape: {reason} {_SEE}", file=sys.stderr)
    raise SystemExit(2)


def _serve(options: argparse.Namespace) -> int:
    from vae_core.errors import ConfigError, ZscapeError
    from vae_core.plugins import load_plugins
    from zscape.opening import Beginning, beginning_with
    from zscape.serving import free_port, is_this_machine, serve

    with TemporaryDirectory(prefix="zscape-", ignore_cleanup_errors=True) as scratch:
        try:
            load_plugins(options.plugin)
            beginning = Beginning()
            if options.path:
                beginning = beginning_with(options.path, Path(scratch))
            port = free_port(options.host, options.port, keep=True)
        except ConfigError as error:
            print(f"zscape: {error}", file=sys.stderr)
            return 2
        except (ZscapeError, OSError) as error:
            print(f"zscape: {error}", file=sys.stderr)
            return 1
        os.environ.update(beginning.environment)
        set_defaults()
        # A server of one machine alone has one visitor, to whom every run belongs; where a proxy
        # brings others to it, the environment says otherwise.
        os.environ.setdefault("ZSCAPE_ALONE", "1" if is_this_machine(options.host) else "0")
        runs = Path(os.environ["ZSCAPE_RUNS"])
        if reason := why_not_writable(runs):
            print(
                f"zscape: trainings and uploads cannot be kept in {runs}: {reason}. Set "
                "ZSCAPE_RUNS to a folder of yours.",
                file=sys.stderr,
            )
        return serve(options.host, port, beginning.address, browser=not options.no_browser)


def _host(text: str) -> str:
    if text:  # empty, it would stand for every address that this machine has
        return text
    raise argparse.ArgumentTypeError("'' is no address; 0.0.0.0 stands for all of this machine's")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port, a number from 1 to 65,535")
