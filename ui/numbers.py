"""How figures are written."""

from vae_core.measures.shares import margin, no_margin


def decimal(value: float, form: str = ".2f") -> str:
    """`value` in the given format, with a true minus sign."""
    return format(value, form).replace("-", "−")


def percent(share: float) -> str:
    """A share that is never all, to a tenth of a percent."""
    return "more than 99.9%" if share >= 0.9995 else f"{share:.1%}"


def digits(value: float, count: int = 3) -> str:
    """`value` with `count` significant digits, written out: 1,220 and not 1.22e+03."""
    return decimal(float(format(value, f".{count}g")), ",.15g")


def nats(mean: float, error: float) -> str:
    """A mean and its standard error; where there is none, why."""
    return f"{decimal(mean)}{margin(error)} nats{no_margin(error)}"
