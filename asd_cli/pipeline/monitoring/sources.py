"""Where sound comes from as it is made: stdin, a stream through ffmpeg, a sound card."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import Events
from asd_cli.pipeline.monitoring.pcm import PcmFormat, read_exactly, read_wav_head

# Short enough that a clip is scored soon after its end.
BLOCK_SECONDS = 0.25
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
NO_DATA_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Block:
    """Some samples in a row.

    Attributes
    ----------
    content : bytes
        Complete frames; may be empty.
    format : PcmFormat
        What they are.
    new : bool
        Whether sound before it is missing, so that a clip cannot go on.
    """

    content: bytes
    format: PcmFormat
    new: bool = False


class SoundSource(Protocol):
    """Gives sound."""

    @property
    def name(self) -> str:
        """Name for rows, without secrets."""

    @property
    def live(self) -> bool:
        """Whether sound that is not taken in time is lost anyway."""

    def blocks(self) -> Iterator[Block]:
        """Give sound until there is no more, or `close` is called."""

    def close(self) -> None:
        """End, from any thread."""


@dataclass(slots=True)
class StdinSource:
    """Raw samples or a WAV file from a pipe.

    Attributes
    ----------
    stream : IO[bytes]
        The pipe.
    raw : PcmFormat or None
        What raw samples are; None for a WAV file.
    live : bool
        Whether the other end records.
    """

    stream: IO[bytes]
    raw: PcmFormat | None
    live: bool = True
    name: str = "stdin"

    def blocks(self) -> Iterator[Block]:
        """Give sound until the pipe ends; DataError where it holds none."""
        yield from _blocks(self.stream, self.raw or read_wav_head(self.stream))

    def close(self) -> None:
        """Do nothing: the thread that reads ends with the process."""


def _blocks(stream: IO[bytes], of: PcmFormat) -> Iterator[Block]:
    count = max(1, round(BLOCK_SECONDS * of.sample_rate)) * of.frame_bytes
    new = True
    while content := read_exactly(stream, count):
        yield Block(content[: len(content) // of.frame_bytes * of.frame_bytes], of, new)
        new = False


@dataclass(slots=True)
class FfmpegSource:
    """A stream or device that an ffmpeg process reads; started again when it ends or is silent.

    Attributes
    ----------
    arguments : tuple of str
        Input options and the input itself.
    name : str
        Without user and password.
    events : Events
        Told of failures.
    no_data_seconds : float
        After so long without a byte the process is killed.
    """

    arguments: tuple[str, ...]
    name: str
    events: Events
    no_data_seconds: float = NO_DATA_SECONDS
    live: bool = True
    _closed: threading.Event = field(default_factory=threading.Event)
    _process: "subprocess.Popen[bytes] | None" = None
    _byte_at: float = 0.0

    def __post_init__(self) -> None:
        """Refuse where there is no ffmpeg."""
        if shutil.which("ffmpeg") is None:
            raise UsageError(
                "there is no ffmpeg, which reads streams and devices", hint="install ffmpeg"
            )

    @classmethod
    def of_url(cls, url: str, events: Events) -> "FfmpegSource":
        """Read an address; UsageError where it is none."""
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        if not parts.scheme or not parts.netloc or url.startswith("-"):
            raise UsageError("that is no address of a stream", hint="--url rtsp://camera/stream")
        options = ("-rtsp_transport", "tcp") if parts.scheme in {"rtsp", "rtsps"} else ()
        host = parts.netloc.rpartition("@")[2]
        return cls((*options, "-i", url), f"{parts.scheme}://{host}{parts.path}", events)

    @classmethod
    def of_device(cls, device: str, events: Events) -> "FfmpegSource":
        """Read a device of ALSA."""
        return cls(("-f", "alsa", "-i", device), device, events)

    def blocks(self) -> Iterator[Block]:
        """Give sound until `close`; after each failure it waits longer, up to a minute."""
        wait = _FIRST_WAIT
        threading.Thread(target=self._watch, daemon=True).start()
        while not self._closed.is_set():
            got = False
            for block in self._once():
                got = True
                yield block
            wait = _FIRST_WAIT if got else wait
            if not self._closed.is_set():
                self.events.warning(f"{self.name}: no sound; trying again in {wait:g} s")
            self._closed.wait(wait)
            wait = min(2.0 * wait, _LONGEST_WAIT)

    def _once(self) -> Iterator[Block]:
        command = ["ffmpeg", "-nostdin", "-v", "error", *self.arguments, "-vn", "-f", "wav",
                   "-c:a", "pcm_s16le", "pipe:1"]  # fmt: skip
        self._byte_at = time.monotonic()
        with subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        ) as process:
            self._process = process
            try:
                if process.stdout is not None:
                    for block in _blocks(process.stdout, read_wav_head(process.stdout)):
                        self._byte_at = time.monotonic()
                        yield block
            except DataError:
                return
            finally:
                self._process = None
                process.kill()

    def _watch(self) -> None:
        """Kill a process that gives nothing."""
        while not self._closed.wait(1.0):
            process = self._process
            if process and time.monotonic() - self._byte_at > self.no_data_seconds:
                process.kill()

    def close(self) -> None:
        """End the process."""
        self._closed.set()
        process = self._process
        if process:
            process.kill()


@dataclass(slots=True)
class CardSource:
    """A sound card through PortAudio (the package sounddevice).

    Attributes
    ----------
    device : str
        Number or part of a name.
    sample_rate : int
        That the model needs.
    """

    device: str
    sample_rate: int
    live: bool = True
    _stream: Any = None
    _closed: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """Name of the device."""
        return self.device

    def blocks(self) -> Iterator[Block]:
        """Give sound until `close`; DataError where there is no such device."""
        import sounddevice

        device = int(self.device) if self.device.isdigit() else self.device
        try:
            channels = int(sounddevice.query_devices(device, "input")["max_input_channels"])
            of = PcmFormat(sample_rate=self.sample_rate, channels=channels)
            count = round(BLOCK_SECONDS * self.sample_rate)
            with sounddevice.RawInputStream(
                samplerate=self.sample_rate, device=device, channels=channels, dtype="int16"
            ) as stream:
                new = True
                while not self._closed.is_set():
                    content, overflowed = stream.read(count)
                    yield Block(bytes(content), of, new or bool(overflowed))
                    new = False
        except (sounddevice.PortAudioError, ValueError) as error:
            raise DataError(
                f"{self.device} cannot be used: {error}", hint="see: python -m sounddevice"
            ) from error

    def close(self) -> None:
        """End."""
        self._closed.set()


def device_source(device: str, sample_rate: int, events: Events) -> SoundSource:
    """Choose what reads a device: sounddevice where it is installed, or ffmpeg (ALSA).

    Raises
    ------
    UsageError
        When there is neither.
    """
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError):  # it raises OSError without the PortAudio library
        if shutil.which("ffmpeg") is None:
            raise UsageError(
                "a device needs ffmpeg, or a package that is not installed",
                hint="pip install 'asd-cli[listen]'",
            ) from None
        return FfmpegSource.of_device(device, events)
    return CardSource(device, sample_rate)
