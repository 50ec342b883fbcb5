"""Names of data sets, users' own among them, and of their classes; imports no torch."""

import re
from collections.abc import Sequence

from vae_core.errors import ZscapeError

MAX_NAMES, MAX_NAME = 1_000, 80  # of classes or factors, and the characters of one
OWN = re.compile(r"own(?:-([a-z0-9_]{1,16})-[0-9a-f]{12})?")


def is_own(name: str) -> bool:
    """Whether `name` stands for a user's own images: own-<label>-<fingerprint of their pixels>.

    "own" alone stands for such that are still to be chosen.
    """
    return OWN.fullmatch(name) is not None


def dataset_label(name: str) -> str:
    """A data set's name as it is shown: of a user's own images without the fingerprint."""
    if not is_own(name):
        return name
    label = own_label(name)
    return f"own images, {label}" if label else "own images"


def own_label(name: str) -> str | None:
    """The label in the name of a user's own images, if it has one."""
    own = OWN.fullmatch(name)
    return own[1] if own else None


def check_names(names: Sequence[str], where: str, error: type[ZscapeError]) -> None:
    """`error`, with `where` in it, for more names of classes or factors than are shown, or longer.

    Names are repeated by image in tables and downloads: they are checked before any is made.
    """
    if len(names) > MAX_NAMES:
        raise error(
            f"{where} has {len(names):,} names of classes or factors; {MAX_NAMES:,} are taken at "
            "most. Keep fewer of them apart."
        )
    longest = max(map(len, names), default=0)
    if longest > MAX_NAME:
        raise error(
            f"{where} has a class or factor with a name of {longest:,} characters; {MAX_NAME} are "
            "taken at most. Shorten it."
        )
