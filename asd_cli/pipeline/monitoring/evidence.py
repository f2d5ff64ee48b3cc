"""The sound of events, kept next to the database."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asd_cli.core.files import write_bytes
from asd_cli.pipeline.monitoring.monitor import Step
from asd_cli.pipeline.monitoring.rule import Condition
from asd_cli.pipeline.monitoring.scorer import Waveform

_KEPT = {Condition.ALARM, Condition.WARNING, Condition.SENSOR}
_BYTES = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """Writes the clip of each event as a WAV file.

    Attributes
    ----------
    folder : Path
        Where; files are named by the events' ids.
    sample_rate : int
        Of clips, in Hz.
    """

    folder: Path
    sample_rate: int

    def path(self, event: str) -> Path:
        """Name the file of an event."""
        return self.folder / f"{event}.wav"

    def keep(self, step: Step) -> None:
        """Write the sound of a step that has an event; the same bytes if it was done before."""
        event, samples = step.event, step.clip.samples
        if event is None or samples is None or event.condition not in _KEPT:
            return
        write_bytes(self.path(event.id), wav_bytes(samples, self.sample_rate))


def wav_bytes(samples: Waveform, sample_rate: int) -> bytes:
    """Write samples [shape=(n_samples,), full scale 1] as a 16-bit WAV file."""
    data: bytes = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2").tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt "
    form = (16, 1 | 1 << 16, sample_rate, sample_rate * _BYTES, _BYTES | 16 << 16)
    numbers = b"".join(value.to_bytes(4, "little") for value in form)
    return head + numbers + b"data" + len(data).to_bytes(4, "little") + data
