"""What an installation can do and what it lacks, judged from facts about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_CONTAINERS = ("WAV", "FLAC", "OGG", "MP3")
_LITTLE_DISK_GIB, _LITTLE_MEMORY_GIB = 5.0, 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is as it should be, or is not.

    Attributes
    ----------
    ok : bool
        Whether it is.
    text : str
        What it is.
    advice : str
        What to do; empty where there is nothing to do.
    """

    ok: bool
    text: str
    advice: str = ""


def judge(facts: Mapping[str, Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Judge an installation.

    Parameters
    ----------
    facts : mapping of str to mapping
        By topic, from `asd_cli.services.doctor.diagnose`.

    Returns
    -------
    tuple of Finding
        What is wrong first.
    """
    found = [*_libraries(facts), *_recordings(facts["audio"]), *_machine(facts)]
    return tuple(sorted(found, key=lambda finding: finding.ok))


def _libraries(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    versions, torch = facts["versions"], facts["torch"]
    known = f"asd {versions['asd']}, Python {versions['python']}, numpy {versions['numpy']}"
    yield Finding(ok=True, text=known)
    if not torch["available"]:
        yield Finding(
            ok=False,
            text="torch cannot be loaded: networks cannot be trained, all other detectors work",
            advice="install it again: pip install --force-reinstall torch",
        )
        return
    where = torch["cuda"] or ("the graphics processor of this Mac" if torch["mps"] else "")
    device = f"computes on {where}" if where else "computes on the processor; no GPU is seen"
    yield Finding(ok=True, text=f"torch {versions.get('torch', '')} {device}")
    cores, threads = facts["system"]["cores"], torch["threads"]
    if threads > cores:
        yield Finding(
            ok=False,
            text=f"torch uses {threads} threads, and {cores} core(s) may be used",
            advice=f"export OMP_NUM_THREADS={cores}",
        )


def _recordings(audio: Mapping[str, Any]) -> Iterator[Finding]:
    missing = [name for name in _CONTAINERS if name not in audio["formats"]]
    library = f"libsndfile {audio['libsndfile']}"
    if missing:
        text = f"{library} cannot read {', '.join(missing)}"
        yield Finding(ok=False, text=text, advice="pip install --upgrade soundfile")
    else:
        yield Finding(ok=True, text=f"reads {', '.join(_CONTAINERS)} ({library})")
    if audio["ffmpeg"]:
        yield Finding(ok=True, text=f"reads m4a, wma and streams by {audio['ffmpeg']}")
    else:
        yield Finding(
            ok=False,
            text="there is no ffmpeg: m4a, wma and streams cannot be read",
            advice="install it: apt install ffmpeg, or brew install ffmpeg",
        )


def _machine(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    disk, system = facts["disk"], facts["system"]
    free, memory = disk["free_gib"], system["memory_gib"]
    if not disk["writable"]:
        yield Finding(
            ok=False, text="the working folder cannot be written", advice="go to one of your own"
        )
    yield Finding(
        ok=free >= _LITTLE_DISK_GIB,
        text=f"{free:g} GiB of disk are free",
        advice="" if free >= _LITTLE_DISK_GIB else "a set of one edition takes up to 30 GiB",
    )
    yield Finding(
        ok=memory >= _LITTLE_MEMORY_GIB,
        text=f"{memory:g} GiB of memory, {system['cores']} core(s)",
        advice=""
        if memory >= _LITTLE_MEMORY_GIB
        else "use --jobs 1 and detectors that need no torch",
    )
