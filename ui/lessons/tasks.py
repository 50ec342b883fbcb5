"""What a step asks, of four kinds, and what is said of an answer: right or wrong, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ui.lessons.fields import Fields, LessonError
from ui.lessons.prose import line_of
from ui.numbers import decimal
from vae_core.files.markdown import plain

FIGURES = ("elbo", "loss", "reconstruction", "kl")  # of a training, on the held-out images
MOST_QUESTION, MOST_REASON = 600, 1_500  # characters
SLANTED = 0.1  # image moments: columns that a row higher lies to the side


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and the reason, in Markdown."""

    right: bool
    why: str


@dataclass(frozen=True)
class Option:
    text: str
    right: bool
    reason: str


@dataclass(frozen=True)
class Choose:
    """Choose the right one of the options, or all that are right where several are."""

    question: str
    options: tuple[Option, ...]

    @property
    def several(self) -> bool:
        return sum(option.right for option in self.options) > 1

    def judge(self, chosen: Sequence[int]) -> Verdict:
        """chosen: positions among the options."""
        wrong = [self.options[i].reason for i in chosen if not self.options[i].right]
        right = [self.options[i].reason for i in chosen if self.options[i].right]
        missing = sum(option.right for option in self.options) - len(right)
        if wrong:
            return Verdict(False, "  \n".join(wrong))
        if missing:
            return Verdict(False, f"So far right, but {missing} more of them {_is(missing)} right.")
        return Verdict(True, "  \n".join(right))


@dataclass(frozen=True)
class Number:
    """Give a number: right within `tolerance` of `answer`."""

    question: str
    answer: float
    tolerance: float
    unit: str
    reason: str
    wrong: str

    def judge(self, given: float) -> Verdict:
        if abs(given - self.answer) <= self.tolerance * (1 + 1e-9):
            return Verdict(True, self.reason)
        size = "too small" if given < self.answer else "too large"
        return Verdict(False, f"{decimal(given, 'g')} is {size}. {self.wrong}".strip())


@dataclass(frozen=True)
class Place:
    """Find a z that the classifier on the model's codes tells as of this class.

    slant: "left", "right" or "": where the decoded image is to lean.
    """

    question: str
    model: str
    wanted: str
    slant: str
    at_least: float
    reason: str

    def judge(self, told: Mapping[str, float], slant: float) -> Verdict:
        """told: the probability of each class at z; slant: of the image decoded from it."""
        found = told.get(self.wanted, 0.0)
        most = max(told, key=lambda name: told[name], default="")
        if most != self.wanted:
            is_told = f"This is told as {_named(most)} ({told.get(most, 0.0):.2f})"
            return Verdict(False, f"{is_told}, as {_named(self.wanted)} only by {found:.2f}.")
        if found < self.at_least:
            return Verdict(
                False,
                f"This is told as {_named(most)}, but only by {found:.2f}; {self.at_least:g} is "
                "asked. Go further into its region.",
            )
        leans = "right" if slant > SLANTED else "left" if slant < -SLANTED else ""
        if self.slant and leans != self.slant:
            how = f"leans to the {leans}" if leans else "stands upright"
            return Verdict(
                False,
                f"This is told as {_named(most)} ({found:.2f}), but it {how}; it is to lean to the "
                f"{self.slant}.",
            )
        return Verdict(True, f"Told as {_named(most)} ({found:.2f}). {self.reason}")


@dataclass(frozen=True)
class Trained:
    """What one of the visitor's own trainings came to, on held-out images, in nats."""

    dataset: str
    latent_dim: int
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Reach:
    """Train a model of `dataset` until a figure is `at_least` or `at_most` this, in nats."""

    question: str
    dataset: str
    figure: str
    at_least: float | None
    at_most: float | None
    latent_dim: int | None
    reason: str

    def judge(self, runs: Iterable[Trained]) -> Verdict:
        reached = [
            run.figures[self.figure]
            for run in runs
            if run.dataset == self.dataset
            and self.latent_dim in (None, run.latent_dim)
            and self.figure in run.figures
        ]
        if not reached:
            d = f" with {self.latent_dim} latent dimensions" if self.latent_dim else ""
            name = f"{plain(self.dataset)}{d}"
            return Verdict(False, f"You have no training of {name} yet that has ended an epoch.")
        best = max(reached) if self.at_least is not None else min(reached)
        said = f"{NAMES[self.figure]} {decimal(best, '.1f')} nats"
        if self._is_enough(best):
            return Verdict(True, f"Your best is {said}. {self.reason}")
        return Verdict(False, f"Your best so far is {said}; {self._asked} is asked.")

    def _is_enough(self, best: float) -> bool:
        if self.at_least is not None:
            return best >= self.at_least
        return self.at_most is not None and best <= self.at_most

    @property
    def _asked(self) -> str:
        word, bound = ("least", self.at_least) if self.at_most is None else ("most", self.at_most)
        return f"at {word} {decimal(bound or 0.0, 'g')}"


NAMES = {"elbo": "ELBO", "loss": "loss", "reconstruction": "reconstruction", "kl": "KL"}

Task = Choose | Number | Place | Reach


def task_of(fields: Fields) -> Task:
    """The task that these fields describe; LessonError where they do not."""
    kind = fields.one_of("kind", ("choose", "number", "place", "reach"))
    question = _line(fields, "question", MOST_QUESTION)
    made = {"choose": _choose, "number": _number, "place": _place, "reach": _reach}[kind](
        fields, question
    )
    fields.end()
    return made


def _choose(fields: Fields, question: str) -> Task:
    options = fields.each("options", 2, 8, _option)
    if not any(option.right for option in options):
        raise fields.error("no option has 'right: true'")
    return Choose(question, options)


def _option(fields: Fields) -> Option:
    return Option(
        _line(fields, "text", MOST_QUESTION),
        fields.one_of("right", ("true", "false"), "false") == "true",
        _line(fields, "reason", MOST_REASON),
    )


def _number(fields: Fields, question: str) -> Task:
    return Number(
        question,
        answer=fields.number("answer", -1e12, 1e12),
        tolerance=fields.number("tolerance", 0, 1e12),
        unit=plain(fields.text("unit", 40, "")),
        reason=_reason(fields),
        wrong=_line(fields, "wrong", MOST_REASON, ""),
    )


def _place(fields: Fields, question: str) -> Task:
    return Place(
        question,
        model=fields.text("model", 80),
        wanted=fields.text("class", 80),
        slant=fields.one_of("slant", ("", "left", "right"), ""),
        at_least=fields.number("at_least", 0, 1, 0.5),
        reason=_reason(fields),
    )


def _reach(fields: Fields, question: str) -> Task:
    if ("at_least" in fields) == ("at_most" in fields):
        raise fields.error("either at_least or at_most is expected")
    least, most = (
        fields.number(name, -1e9, 1e9) if name in fields else None
        for name in ("at_least", "at_most")
    )
    return Reach(
        question,
        dataset=fields.text("dataset", 80),
        figure=fields.one_of("figure", FIGURES),
        at_least=least,
        at_most=most,
        latent_dim=int(fields.number("latent_dim", 1, 4096)) if "latent_dim" in fields else None,
        reason=_reason(fields),
    )


def _reason(fields: Fields) -> str:
    return _line(fields, "reason", MOST_REASON)


def _line(fields: Fields, name: str, most: int, default: str | None = None) -> str:
    text = fields.text(name, most, default)
    try:
        return line_of(text)
    except LessonError as error:
        raise fields.error(f"{name}: {error}") from error


def _named(name: str) -> str:
    """A class in a sentence: a 4, an 8, a sneaker as its own name."""
    if not name:
        return "nothing"
    article = {"8": "an ", "11": "an ", "18": "an "}.get(name, "a ") if name.isdigit() else ""
    return f"{article}**{plain(name)}**"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
