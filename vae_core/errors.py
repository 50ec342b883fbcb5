"""The errors a user can meet: one sentence each, what was wrong and what to do."""


class ZscapeError(ValueError):
    """Base of the family; its message is fit to be shown on a page as it stands."""


class DataError(ZscapeError):
    """A data set is missing, broken, or not what was asked for."""


class CheckpointError(ZscapeError):
    """A checkpoint folder cannot be read, written, or trusted."""


class ConfigError(ZscapeError):
    """A setting or an argument is out of its range, or clashes with another."""


class TrainingError(ZscapeError):
    """Training cannot go on, for instance because the loss is not finite."""


class DivergenceError(TrainingError):
    """The loss is no longer a finite number; the same settings would come to the same."""
