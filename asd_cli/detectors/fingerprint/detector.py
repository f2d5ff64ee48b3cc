"""The fine spectrum of a machine, averaged over time, and a back end: no network, no training.

Rotating machines give lines: orders of a shaft, blade passes, gear meshes and the side bands of a
modulation. A Fourier transform of a quarter of a second resolves them, and bands of equal width in
octaves keep their distances when the speed changes (envelope and order analysis: Randall 2011,
Vibration-based Condition Monitoring).
"""

from asd_cli.detectors.clip_statistics import Measure
from asd_cli.detectors.fingerprint.options import FingerprintOptions
from asd_cli.detectors.fingerprint.spectrum import FineSpectrum
from asd_cli.detectors.measured_embedding import MeasuringDetector


class FingerprintDetector(MeasuringDetector[FingerprintOptions]):
    """Distance of a clip's fine spectrum from those of normal clips."""

    @property
    def measure(self) -> Measure:
        """Mean levels of narrow bands."""
        return FineSpectrum(self.options.features.sample_rate, self.options.bands)

    @property
    def speeds(self) -> tuple[float, ...]:
        """Of the options."""
        return self.options.speeds

    @property
    def max_perturbed(self) -> int:
        """Of the options."""
        return self.options.max_perturbed
