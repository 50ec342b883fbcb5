"""How figures are written, and what those of the ELBO are called: one name for one number."""

from vae_core.measures.shares import margin, no_margin


def decimal(value: float, form: str = ",.2f") -> str:
    """`value` in the given format, by default 1,220.50, with a true minus sign."""
    return format(value, form).replace("-", "−")


def reconstruction_name(grey: bool) -> str:
    """Of −E_q[log p(x|z)]; grey: whether its pixels are grey and their likelihood Bernoulli.

    That is no likelihood of the data, and has another name.
    """
    return "cross-entropy" if grey else "−E[log p(x|z)]"


def bound_name(grey: bool) -> str:
    """Of the same and the KL, added."""
    return "cross-entropy + KL" if grey else "−ELBO"


def percent(share: float) -> str:
    """A share that is never all, to a tenth of a percent."""
    return "more than 99.9%" if share >= 0.9995 else f"{share:.1%}"


def digits(value: float, count: int = 3) -> str:
    """`value` with `count` significant digits, written out: 1,220 and not 1.22e+03."""
    return decimal(float(format(value, f".{count}g")), ",.15g")


def nats(mean: float, error: float) -> str:
    """A mean and its standard error; where there is none, why."""
    return f"{decimal(mean)}{margin(error)} nats{no_margin(error)}"
