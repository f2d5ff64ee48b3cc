"""Sound as it arrives, cut into clips, through the monitor; late clips are dropped and counted."""

import hashlib
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from asd_cli.audio.formats import AudioInfo
from asd_cli.audio.reading import Samples
from asd_cli.core.errors import AsdError, DataError
from asd_cli.pipeline.monitoring.clips import SoundClip, clip_of_samples, unusable
from asd_cli.pipeline.monitoring.pcm import PcmFormat, to_samples
from asd_cli.pipeline.monitoring.scorer import ClipScorer
from asd_cli.pipeline.monitoring.session import Session
from asd_cli.pipeline.monitoring.sources import Block, SoundSource

_RESYNC_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A clip of a stream.

    Attributes
    ----------
    content : bytes
        Its frames.
    format : PcmFormat
        What they are.
    begin : float
        When it began, in seconds since 1970.
    """

    content: bytes
    format: PcmFormat
    begin: float

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.content) / self.format.frame_bytes / self.format.sample_rate


@dataclass(slots=True)
class Cutter:
    """Cuts blocks into clips, with times that follow from the count of samples.

    Attributes
    ----------
    clip_seconds, hop_seconds : float
        Length of a clip, and time from the beginning of one to that of the next.
    live : bool
        Whether blocks arrive when they are made: the clock of a sound card is then set again when
        it has come away from that of this machine.
    """

    clip_seconds: float
    hop_seconds: float
    live: bool
    _buffer: bytearray = field(default_factory=bytearray)
    _begin: float = 0.0
    _first: int = 0
    _number: int = 0

    def push(self, block: Block, now: float) -> Iterator[Cut]:
        """Take a block that has arrived now; gives the clips that are complete."""
        of = block.format
        seconds = len(block.content) / of.frame_bytes / of.sample_rate
        if block.new:
            self._buffer.clear()
            self._begin, self._first, self._number = now - seconds, 0, 0
        self._buffer += block.content
        if self.live:
            self._set_clock(of, now)
        count = round(self.clip_seconds * of.sample_rate)
        while True:
            start = round(self._number * self.hop_seconds * of.sample_rate)
            low, high = ((at - self._first) * of.frame_bytes for at in (start, start + count))
            if high > len(self._buffer):
                return
            yield Cut(bytes(self._buffer[low:high]), of, self._begin + start / of.sample_rate)
            self._number += 1
            after = round(self._number * self.hop_seconds * of.sample_rate)
            gone = min(max(after - self._first, 0), len(self._buffer) // of.frame_bytes)
            del self._buffer[: gone * of.frame_bytes]
            self._first += gone

    def _set_clock(self, of: PcmFormat, now: float) -> None:
        heard = self._first + len(self._buffer) // of.frame_bytes
        away = now - (self._begin + heard / of.sample_rate)
        if abs(away) > _RESYNC_SECONDS:
            self._begin += away


class ClipQueue:
    """Clips that wait to be scored, filled by a thread that reads.

    Parameters
    ----------
    source : SoundSource
        Gives sound.
    cutter : Cutter
        Cuts it.
    backlog : int
        So many clips may wait; of a live source the oldest are dropped, others are read no further.
    """

    def __init__(self, source: SoundSource, cutter: Cutter, backlog: int) -> None:
        self._source, self._cutter = source, cutter
        self._queue: queue.Queue[Cut | AsdError | None] = queue.Queue(maxsize=backlog)
        self._lock = threading.Lock()
        self._dropped = 0.0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for block in self._source.blocks():
                for cut in self._cutter.push(block, time.time()):
                    self._put(cut)
        except AsdError as error:
            self._queue.put(error)
        else:
            self._queue.put(None)

    def _put(self, cut: Cut) -> None:
        while True:
            try:
                self._queue.put(cut, block=not self._source.live)
            except queue.Full:
                self._drop()
            else:
                return

    def _drop(self) -> None:
        try:
            oldest = self._queue.get_nowait()
        except queue.Empty:
            return
        if isinstance(oldest, Cut):
            with self._lock:
                self._dropped += oldest.seconds

    def dropped(self) -> float:
        """Give the seconds of sound that were dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0.0
        return dropped

    def get(self, seconds: float) -> Cut | None:
        """Wait for a clip; None where there is none in that time.

        Raises
        ------
        EOFError
            When there will be none any more.
        DataError
            When the source failed.
        """
        try:
            item = self._queue.get(timeout=seconds)
        except queue.Empty:
            return None
        if item is None:
            raise EOFError
        if isinstance(item, AsdError):
            raise item
        return item


def sound_clip(cut: Cut, scorer: ClipScorer) -> SoundClip:
    """Make a clip for the monitor; it begins at 0, since its time is that of the stream."""
    of = cut.format
    info = AudioInfo(
        container="stream", subtype="PCM_16", sample_rate=of.sample_rate, channels=of.channels,
        n_samples=len(cut.content) // of.frame_bytes,
    )  # fmt: skip
    if reason := unusable(info, scorer):
        return SoundClip(start=0.0, seconds=cut.seconds, fault=reason)
    samples: Samples = to_samples(cut.content, of, scorer.channel)
    try:
        return clip_of_samples(samples, 0.0, of.sample_rate, scorer)
    except DataError as error:
        return SoundClip(start=0.0, seconds=cut.seconds, fault=error.message)


def take(cut: Cut, session: Session, source: str) -> None:
    """Score a clip of a stream and keep what came of it."""
    store = session.store
    with store.transaction():
        store.apply_requests()
    digest = hashlib.sha256(cut.content).hexdigest()
    steps = list(
        session.monitor.take(
            [sound_clip(cut, session.monitor.scorer)], store.state(), source=source,
            begin=cut.begin, identity=f"{digest}:{cut.begin:.3f}",
        )
    )  # fmt: skip
    for step in steps:
        session.evidence.keep(step)
    with store.transaction():
        store.add_steps(steps, None, session.channels)
    session.heard(steps)
    session.after_clips()


def listen_to(clips: ClipQueue, session: Session, source: SoundSource) -> Iterator[bool]:
    """Take clips until there are no more.

    Yields
    ------
    bool
        Whether a clip was taken.
    """
    while True:
        try:
            cut = clips.get(0.5)
        except EOFError:
            return
        dropped = clips.dropped()
        if dropped:
            before = float(session.store.fact("dropped") or 0.0)
            session.store.set_fact("dropped", repr(before + dropped))
            session.outbox.events.warning(
                f"{dropped:.0f} s of sound were dropped: clips arrive faster than they are scored"
            )
        if cut is not None:
            take(cut, session, source.name)
        session.tick()
        yield cut is not None
