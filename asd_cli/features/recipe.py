"""What turns a recording into features, as a value with a fingerprint."""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Literal

from asd_cli.audio.formats import AudioFormat
from asd_cli.core.hashing import fingerprint

# Raise it whenever the same recipe and recording would give other numbers than before.
_FEATURE_CODE_VERSION = 1
# sys.float_info.epsilon, the minimum that the reference puts under the logarithm.
LOG_FLOOR = 2.220446049250313e-16
_LIBRARIES = ("numpy", "scipy", "soundfile", "soxr")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureParameters:
    """Settings of the log-mel spectrogram.

    Attributes
    ----------
    sample_rate : int
        In Hz; recordings must have it unless `resample` is set.
    n_fft : int
        Length of the Fourier transform and of its Hann window, in samples.
    hop_length : int
        Distance between frames, in samples.
    n_mels : int
        Number of mel bands.
    power : float
        Exponent of the magnitude before the mel filters: 2.0 for power.
    pad_mode : str
        How half a window is added at each end: ``reflect`` as librosa did before 0.9, or
        ``constant`` (zeros) as it does since.
    resample : bool
        Whether recordings of another rate are resampled (soxr, high quality) or refused.
    channel : int, "mean" or None
        Which channel to take of several, counted from 0; "mean" averages them; None refuses
        several.
    scale : str
        Bands spread evenly in ``mel``, or ``linear`` in Hz.
    """

    sample_rate: int = 16000
    n_fft: int = 1024
    hop_length: int = 512
    n_mels: int = 128
    power: float = 2.0
    pad_mode: str = "reflect"
    resample: bool = False
    channel: int | Literal["mean"] | None = None
    scale: str = "mel"

    def n_frames(self, n_samples: int) -> int:
        """Count the frames of a recording of `n_samples` samples at `sample_rate`."""
        return 1 + n_samples // self.hop_length

    def seconds(self, frame: float) -> float:
        """Tell the time of a frame's centre, in seconds."""
        return frame * self.hop_length / self.sample_rate

    @property
    def audio_format(self) -> AudioFormat:
        """Give what recordings are decoded to."""
        return AudioFormat(
            sample_rate=self.sample_rate, channel=self.channel, resample=self.resample
        )

    @property
    def fingerprint(self) -> str:
        """Identity of the numbers: settings, this code and the libraries that compute them.

        `resample` is left out: a recording that is read at all gives the same numbers with it and
        without it, so a model trained without it can score recordings of other rates.
        """
        settings = {key: value for key, value in asdict(self).items() if key != "resample"}
        libraries = {name: version(name) for name in _LIBRARIES}
        return fingerprint([_FEATURE_CODE_VERSION, settings, libraries])
