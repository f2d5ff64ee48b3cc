"""What people said of events on the status page: which sounds were normal after all."""

import json
from pathlib import Path

from asd_cli.core.errors import DataError

SCHEMA = "asd.responses/1"


def normal_sounds(path: Path, machine: str) -> tuple[Path, ...]:
    """Give the sounds that were said to be normal.

    Parameters
    ----------
    path : Path
        What the status page saved.
    machine : str
        Whose responses they must be.

    Raises
    ------
    DataError
        When the file cannot be read, is of another machine, or calls nothing normal.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        whose, responses = document["machine"], document["responses"]
        known = document["schema"] == SCHEMA
        sounds = tuple(Path(item["sound"]) for item in responses if item["response"] == "normal")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} holds no responses: {error}", hint="save them on the page: --page status.html"
        ) from error
    if not known or whose != machine:
        raise DataError(f"{path} holds responses for {whose}, not {machine}",
                        hint=f"--machine '{whose}'")  # fmt: skip
    if not sounds:
        raise DataError(f"{path} calls nothing normal, so there is nothing to learn",
                        hint="say on the page which events were normal")  # fmt: skip
    return sounds
