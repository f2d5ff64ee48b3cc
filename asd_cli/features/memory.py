"""Features of recordings that are scored at once, without a store on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from asd_cli.audio.decoding import read_info
from asd_cli.core.errors import DataError
from asd_cli.core.hashing import combine, hash_bytes
from asd_cli.core.types import DOMAIN, SECTION, Clip
from asd_cli.features.logmel import finite_log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.features.waveforms import read_waveform

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Recording:
    """A clip, and its samples where they are not in a file."""

    clip: Clip
    samples: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        item: "str | Path | Clip | FloatArray",
        *,
        machine: str,
        number: int,
        section: str | None,
        domain: str | None,
    ) -> "Recording":
        """Take a path, a clip or samples; what is not known of it has the given attributes."""
        samples = None
        if isinstance(item, np.ndarray):
            if item.ndim != 1:
                raise DataError(f"recording {number} has shape {item.shape}; one channel is needed")
            samples = np.asarray(item, np.float32)
            clip = Clip(path=Path(f"array-{number}"), machine=machine)
        elif isinstance(item, Clip):
            clip = item
        else:
            clip = Clip(path=Path(item), machine=machine)
        missing = {SECTION: section, DOMAIN: domain}
        known = {k: v for k, v in missing.items() if v is not None and k not in clip.attributes}
        return cls(replace(clip, attributes={**known, **clip.attributes}), samples)


def features_in_memory(
    recordings: Sequence[Recording],
    parameters: FeatureParameters,
    *,
    sr: int | None = None,
    filters: FloatArray | None = None,
) -> FeatureStore:
    """Compute the features of some recordings.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.
    parameters : FeatureParameters
        How to compute features; other sample rates are resampled.
    sr : int, optional
        Sample rate of samples in memory, in Hz; that of the parameters by default.
    filters : ndarray [shape=(n_mels, 1 + n_fft // 2)], optional
        Mel filters; computed by default.

    Returns
    -------
    FeatureStore
        Holds the samples as well, for detectors that use them.

    Raises
    ------
    DataError
        When there are no recordings, or one cannot be read, is too short, or has a lower sample
        rate.
    """
    if not recordings:
        raise DataError("there are no recordings to score", hint="name at least one")
    basis = mel_basis(parameters) if filters is None else sparse.csr_matrix(filters)
    waveforms = tuple(_samples(recording, parameters, sr) for recording in recordings)
    rows = []
    for recording, waveform in zip(recordings, waveforms, strict=True):
        if len(waveform) <= parameters.n_fft // 2:
            raise DataError(
                f"{recording.clip.path} has {len(waveform)} samples at "
                f"{parameters.sample_rate} Hz; the model needs more than {parameters.n_fft // 2}",
                hint="use longer recordings",
            )
        rows.append(finite_log_mel(waveform, parameters, basis, name=recording.clip.path))
    frames = np.array([len(row) for row in rows], np.int64)
    hashes = tuple(hash_bytes(waveform.tobytes()) for waveform in waveforms)
    return FeatureStore(
        clips=tuple(recording.clip for recording in recordings),
        data=np.concatenate(rows),
        offsets=np.cumsum(frames) - frames,
        frames=frames,
        fingerprint=combine((str(number), value) for number, value in enumerate(hashes)),
        hashes=hashes,
        waveforms=waveforms,
    )


def _require_rate(rate: int, parameters: FeatureParameters, clip: Clip) -> None:
    """Refuse sound without the upper frequencies that a model knows: it is unlike anything."""
    if rate < parameters.sample_rate:
        raise DataError(
            f"{clip.path} has {rate} Hz; the model needs {parameters.sample_rate} Hz or more: what "
            f"lies above {max(rate, 0) // 2} Hz is missing",
            hint="record at that rate, or train a model at the lower one",
        )


def _samples(
    recording: Recording, parameters: FeatureParameters, sr: int | None
) -> npt.NDArray[np.float32]:
    if recording.samples is None:
        rate = read_info(recording.clip.path).sample_rate
        _require_rate(rate, parameters, recording.clip)
        return read_waveform(recording.clip, replace(parameters, resample=True))
    rate = parameters.sample_rate if sr is None else sr
    _require_rate(rate, parameters, recording.clip)
    if rate == parameters.sample_rate:
        return recording.samples
    import soxr

    resampled: npt.NDArray[np.float32] = soxr.resample(
        recording.samples, rate, parameters.sample_rate, quality="HQ"
    )
    return resampled
