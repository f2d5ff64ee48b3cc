"""Levels of octave and third-octave bands and the total level, and a back end.

What a sound level meter shows: a fan that is out of balance, a pump that runs dry or a loose cover
makes some bands louder by a few decibels. Pooled spectra of a hundred bands have these decibels as
well, among a hundred differences that mean nothing. The absolute level is information, so the gain
of the recorder must not change; with `level.relative` it may.
"""

from asd_cli.detectors.clip_statistics import Measure
from asd_cli.detectors.level.bands import LevelMeasure
from asd_cli.detectors.level.options import LevelOptions
from asd_cli.detectors.measured_embedding import MeasuringDetector

_PER_OCTAVE = {"octave": (1,), "third_octave": (3,), "both": (1, 3)}


class LevelDetector(MeasuringDetector[LevelOptions]):
    """Distance of a clip's levels from those of normal clips."""

    @property
    def measure(self) -> Measure:
        """Levels of the bands that the options name."""
        options = self.options
        return LevelMeasure(
            options.features.sample_rate,
            _PER_OCTAVE[options.bands],
            total=options.total,
            relative=options.relative,
        )
