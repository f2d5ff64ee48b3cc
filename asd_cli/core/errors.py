"""The one tree of errors that `asd` raises on purpose.

Every error says what is wrong and where; its hint says how to fix it, as a command where there is
one. The command line turns each class into an exit status (`asd_cli.cli.exit_codes`).
"""

from collections.abc import Sequence


class AsdError(Exception):
    """Base of every expected error.

    Parameters
    ----------
    message : str
        What is wrong and where: names the file, the key or the machine.
    hint : str, optional
        What the user can do about it, preferably a command.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the hint when an error crosses a process border."""
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[AsdError], args: tuple[object, ...], state: dict[str, object]) -> AsdError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(AsdError):
    """The command cannot be carried out as it was asked for."""


class ConfigError(UsageError):
    """A settings file, an override or an environment variable is wrong."""


class DataError(AsdError):
    """Recordings, labels or result files are missing or unusable."""


class ProblemsError(DataError):
    """Several things are wrong with the data; all of them are listed.

    Parameters
    ----------
    message : str
        What was being read.
    problems : sequence of str
        One line for each problem, each naming its file.
    hint : str, optional
        What the user can do about them.
    """

    def __init__(self, message: str, problems: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class IncompleteError(AsdError):
    """A result exists but something was left out of it.

    Parameters
    ----------
    message : str
        What is incomplete.
    problems : sequence of str
        One line for each thing that is missing.
    hint : str, optional
        What the user can do about them.
    """

    def __init__(
        self, message: str, problems: Sequence[str] = (), *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class NetworkError(AsdError):
    """A server could not be reached or did not answer as it should."""


class IntegrityError(AsdError):
    """Something is damaged, or refused because it may do harm."""


class ResourceError(AsdError):
    """The machine has too little of something: memory, disk, permissions."""


class StorageError(ResourceError):
    """The disk is full, read-only or not permitted."""


class AnomaliesError(AsdError):
    """Anomalous recordings were found, and that was to be an error."""


class QualityGateError(AsdError):
    """A measured score is below the one that was demanded."""
