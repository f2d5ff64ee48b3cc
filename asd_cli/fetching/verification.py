"""Reading again, byte for byte, what was put in place earlier."""

from collections.abc import Mapping, Sequence

from asd_cli.core.errors import IntegrityError, StorageError
from asd_cli.core.events import Events, progress
from asd_cli.fetching.receipts import PlacedFile, find_damage, remove_receipt
from asd_cli.fetching.stages import Wanted

_SHOWN_PROBLEMS = 5


def require_sound(known: Mapping[Wanted, Sequence[PlacedFile]], events: Events) -> None:
    """Require that every file in place has the size and CRC that its archive gave it.

    The receipt of what is damaged is removed, so that the next fetch brings it again.

    Parameters
    ----------
    known : mapping of Wanted to sequence of PlacedFile
        What was put in place.
    events : Events
        Progress.

    Raises
    ------
    IntegrityError
        When files are missing or changed; the first of them are named.
    """
    total = sum(entry.size for files in known.values() for entry in files)
    problems = {}
    with progress(events, "checking what is in place", total=total, unit="bytes") as advance:
        for wanted, files in known.items():
            found = find_damage(wanted.folder, files, advance=advance)
            if found:
                problems[wanted] = found
    if not problems:
        return
    for wanted in problems:
        try:
            remove_receipt(wanted.folder, wanted.file)
        except StorageError as error:
            events.warning(f"{error.message}: it stays marked as fetched")
    raise _damage(problems, total=sum(len(files) for files in known.values()))


def _damage(problems: Mapping[Wanted, Sequence[str]], *, total: int) -> IntegrityError:
    lines = [line for found in problems.values() for line in found]
    shown = "\n".join(f"  {line}" for line in lines[:_SHOWN_PROBLEMS])
    more = len(lines) - _SHOWN_PROBLEMS
    tail = f"\n  and {more} more" if more > 0 else ""
    stages = sorted({wanted.stage.name for wanted in problems})
    machines = sorted({wanted.machine for wanted in problems if wanted.machine is not None})
    options = [f"--stage {name}" for name in stages] + [f"--machine {name}" for name in machines]
    return IntegrityError(
        f"{len(lines)} of {total} files are missing or damaged:\n{shown}{tail}",
        hint=f"fetch them again: asd fetch {' '.join(options)}",
    )
