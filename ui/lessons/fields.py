"""The YAML of a lesson's head and tasks: words alone, each field checked for what it holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import yaml

from vae_core.errors import ZscapeError

T = TypeVar("T")


class LessonError(ZscapeError):
    """What is wrong with a lesson's file, with its line."""


class _Words(yaml.BaseLoader):
    """YAML in which each scalar is the text that stands there: no dates, no `no` that is false.

    Nothing stands for anything else, so that a few lines cannot mean millions.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.constructor.ConstructorError(
                problem="& and * are not taken here", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [each.value for each, _ in node.value]
        for i, key in enumerate(keys):
            if not isinstance(key, str) or key in keys[:i]:
                raise yaml.constructor.ConstructorError(
                    problem=f"{str(key)[:40]!r} stands twice, or is no name",
                    problem_mark=node.value[i][0].start_mark,
                )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


class Fields:
    """Fields by name, taken one by one; what is left over at the end is named.

    line: of the file, on which they begin, for sentences.
    """

    def __init__(self, values: Any, what: str, line: int) -> None:
        self.what, self.line = what, line
        if not isinstance(values, dict):
            raise self.error("fields are expected, as 'title: The ELBO'")
        self.values: dict[str, Any] = dict(values)

    @classmethod
    def of_yaml(cls, text: str, what: str, line: int) -> Fields:
        """Those that a text says; line: on which it begins in the file, the first is 1."""
        try:
            values = yaml.load(text, _Words)  # words alone, as safe as safe_load
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = line + mark.line if mark else line
            raise LessonError(f"line {at}: {what}: {error.problem or error.context}.") from error
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise LessonError(f"line {line}: {what} cannot be read as YAML.") from error
        return cls(values, what, line)

    def error(self, why: str) -> LessonError:
        return LessonError(f"line {self.line}: {self.what}: {why}.")

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, most: int, default: str | None = None) -> str:
        """A text of 1 to `most` characters, on one line; `default` where the field is not there."""
        value = self.values.pop(name, default)
        if value is None:
            raise self.error(f"the field {name} is missing")
        return self._text(name, value, most) if value != default else str(value)

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """A number from `low` to `high`."""
        value = self.values.pop(name, None)
        if value is None and default is not None:
            return default
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not low <= number <= high:
            raise self.error(f"{name} is to be a number from {low:g} to {high:g}")
        return number

    def one_of(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        value = self.values.pop(name, default)
        if value not in choices:
            raise self.error(f"{name} is to be one of {', '.join(filter(None, choices))}")
        return str(value)

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """A list of at most `most` texts; empty where the field is not there."""
        return tuple(self._text(name, v, longest) for v in self._list(name, 0, most))

    def each(self, name: str, least: int, most: int, of: Callable[[Fields], T]) -> tuple[T, ...]:
        """What `of` makes of each entry of a list of fields."""
        return tuple(
            _whole(Fields(value, f"{self.what}, {name[:-1]} {i + 1}", self.line), of)
            for i, value in enumerate(self._list(name, least, most))
        )

    def end(self) -> None:
        """LessonError where there are fields that nobody asked for."""
        if self.values:
            raise self.error(f"the field {next(iter(self.values))[:40]!r} is not known")

    def _list(self, name: str, least: int, most: int) -> list[Any]:
        value = self.values.pop(name, [])
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.error(f"{name} is to be a list of {least} to {most}")
        return value

    def _text(self, name: str, value: Any, most: int) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else ""
        if not 1 <= len(text) <= most:
            raise self.error(f"{name} is to be a text of 1 to {most:,} characters")
        return text


def _whole(fields: Fields, of: Callable[[Fields], T]) -> T:
    made = of(fields)
    fields.end()
    return made
