"""How figures are written."""


def decimal(value: float, form: str = ".2f") -> str:
    """`value` in the given format, with a true minus sign."""
    return format(value, form).replace("-", "−")
