"""Names of users' own images, beside those of the registered data sets; imports no torch."""

import re

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
