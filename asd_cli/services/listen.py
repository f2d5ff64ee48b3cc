"""`asd listen`: score sound as it arrives, and announce changes of the machine."""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace

from asd_cli.core.events import SILENT, Events
from asd_cli.core.interrupts import deferred_interrupts
from asd_cli.pipeline.monitoring.listen_request import ListenRequest
from asd_cli.pipeline.monitoring.listening import ClipQueue, Cutter, listen_to
from asd_cli.pipeline.monitoring.monitor import ClipRow
from asd_cli.pipeline.monitoring.pcm import Encoding, PcmFormat
from asd_cli.pipeline.monitoring.setup import MonitoringRequest, monitoring
from asd_cli.pipeline.monitoring.sources import (
    FfmpegSource,
    SoundSource,
    StdinSource,
    device_source,
)

__all__ = ["Encoding", "ListenRequest", "MonitoringRequest", "PcmFormat", "listen"]

_MIN_BACKLOG = 2


def listen(
    request: ListenRequest,
    events: Events = SILENT,
    *,
    show: Callable[[ClipRow], None] = lambda _: None,
) -> None:
    """Listen until the sound ends or the process is asked to.

    Parameters
    ----------
    request : ListenRequest
        What to listen to.
    events : Events
        Told the promise, of sound that was dropped, and of failures.
    show : callable
        Called with each clip.

    Raises
    ------
    DataError
        When there is no model, or no sound in what stdin holds.
    UsageError
        When another process monitors the machine, or an option cannot be used.
    """
    asked = request.monitoring
    if request.hop_seconds is not None:
        options = replace(asked.options, spacing_seconds=request.hop_seconds)
        asked = replace(asked, options=options)
    with (
        deferred_interrupts() as stop,
        monitoring(asked, events, show, mode="listen") as session,
    ):
        scorer = session.monitor.scorer
        source = _source(request, scorer.sample_rate, events)
        hop = request.hop_seconds or scorer.clip_seconds
        clips = ClipQueue(
            source,
            Cutter(scorer.clip_seconds, hop, live=request.drop and not request.stdin),
            max(_MIN_BACKLOG, round(request.backlog_seconds / hop)),
        )
        try:
            for _ in listen_to(clips, session, source):
                stop.act()
        finally:
            source.close()


def _source(request: ListenRequest, sample_rate: int, events: Events) -> SoundSource:
    if request.url is not None:
        return FfmpegSource.of_url(request.url, events)
    if request.device is not None:
        return device_source(request.device, sample_rate, events)
    # A file that stdin was redirected to waits; whoever records into a pipe may not.
    regular = stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    return StdinSource(sys.stdin.buffer, request.raw, live=request.drop and not regular)
