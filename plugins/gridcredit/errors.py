"""The errors a person is meant to read: one clear line that says what to do."""


class GridCreditError(Exception):
    """Something the user can correct; its text is one line and is shown without a traceback."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.splitlines()))


class MappingError(GridCreditError):
    """A mapping file is wrong; names the file, the key and the line."""


class FileRefusedError(GridCreditError):
    """A delivered file is refused whole: nothing of it is loaded and nothing of it is lost."""


class NotReadyError(GridCreditError):
    """The machine is short of space or permissions; nothing was touched, and a later try may succeed."""


class PolicyError(GridCreditError):
    """A policy folder is incomplete, contradictory, or was changed under a version already in force."""


class TooEarlyError(GridCreditError):
    """There is nothing to do it with yet; time, or an earlier step, will bring it."""


class GateFailedError(GridCreditError):
    """A critical check failed: nothing is published and the last release stands."""


class TransformFailedError(GridCreditError):
    """dbt could not build a model; names it and its error."""
