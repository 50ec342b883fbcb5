"""Where a subcommand writes: a file of a kind that its name's ending says, or standard output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vae_core.errors import ConfigError
from vae_core.files.folders import check_can_hold


@dataclass(frozen=True)
class Output:
    """path: the file, None for standard output; ending: what kind it is of, such as ".csv"."""

    path: Path | None
    ending: str

    def write(self, data: bytes) -> None:
        """Write it whole; a file that is there is replaced."""
        from vae_core.files.atomic import write_bytes

        if self.path is not None:
            write_bytes(self.path, data)
        else:
            sys.stdout.buffer.write(data)


def add_output_argument(parser: argparse.ArgumentParser, endings: Sequence[str]) -> None:
    """Add --output, of which `output_of` makes an Output."""
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help=f"its ending says what is written, {_listed(endings)}; - is standard output, as "
        f"{endings[0]}",
    )


def output_of(text: str, endings: Sequence[str], flag: str = "--output") -> Output:
    """What `flag` says: a file of one of `endings`, or "-", standard output as the first of them.

    ConfigError where the ending is another, a folder or a device has that name, the folder that it
    is to lie in is missing, or standard output is a terminal.
    """
    if text == "-":
        if sys.stdout is None or sys.stdout.isatty():
            raise ConfigError(
                f"A terminal cannot show {endings[0]}; name a file, or send it on with > or |."
            )
        return Output(None, endings[0])
    path = Path(text)
    if not text or (path.exists() and not path.is_file()):
        raise ConfigError(f"{flag} {text!r} is no place for a file; name one.")
    ending = path.suffix.lower()
    if ending not in endings:
        raise ConfigError(
            f"{flag} {text!r} is to end in {_listed(endings)}, which says what is written."
        )
    check_can_hold(path)
    return Output(path, ending)


def _listed(endings: Sequence[str]) -> str:
    *first, last = endings
    return f"{', '.join(first)} or {last}" if first else last
