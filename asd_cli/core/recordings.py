"""Which files are recordings, by their names."""

from pathlib import Path

AUDIO_SUFFIXES = frozenset(
    {
        ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc",
        ".caf", ".w64", ".rf64", ".bw64", ".au", ".snd", ".m4a", ".mp4", ".aac", ".wma", ".mka",
        ".webm", ".amr", ".wv", ".ape", ".dsf",
    }
)  # fmt: skip
"""Endings of recordings, in lower case; upper case counts as well."""


def is_recording_name(path: Path) -> bool:
    """Whether a name ends as those of recordings do; hidden files are none.

    Examples
    --------
    >>> is_recording_name(Path("Pump 3.WAV")), is_recording_name(Path("._Pump.wav"))
    (True, False)
    """
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
