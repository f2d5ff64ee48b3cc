"""What to listen to."""

from dataclasses import dataclass

from asd_cli.core.errors import UsageError
from asd_cli.pipeline.monitoring.pcm import PcmFormat
from asd_cli.pipeline.monitoring.setup import MonitoringRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenRequest:
    """Sound to listen to; exactly one of three sources.

    Attributes
    ----------
    monitoring : MonitoringRequest
        Machine, rule and outputs.
    device, url : str or None
        A sound card; the address of a stream.
    stdin : bool
        Whether sound comes from stdin.
    raw : PcmFormat or None
        What raw samples on stdin are; None for a WAV file.
    hop_seconds : float or None
        Time from one clip to the next; their length by default.
    backlog_seconds : float
        So much sound may wait to be scored.
    drop : bool
        Whether sound beyond that is dropped; otherwise stdin is read no further.

    Raises
    ------
    UsageError
        When not exactly one source is named, or a time is not above 0.
    """

    monitoring: MonitoringRequest
    device: str | None = None
    url: str | None = None
    stdin: bool = False
    raw: PcmFormat | None = None
    hop_seconds: float | None = None
    backlog_seconds: float = 60.0
    drop: bool = True

    def __post_init__(self) -> None:
        """Refuse what is not clear."""
        if (self.device is not None) + (self.url is not None) + self.stdin != 1:
            raise UsageError(
                "say where sound comes from, once", hint="--device NAME, --url ADDRESS or --stdin"
            )
        if self.hop_seconds is not None and self.hop_seconds <= 0:
            raise UsageError("clips cannot be 0 s apart", hint="--hop 5")
