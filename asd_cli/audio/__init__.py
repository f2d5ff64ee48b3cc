"""From files of recordings to samples."""

from asd_cli.audio.formats import AudioFormat, AudioInfo

__all__ = ["AudioFormat", "AudioInfo"]
