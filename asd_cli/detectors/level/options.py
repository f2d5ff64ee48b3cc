"""Parameters of the level detector."""

from dataclasses import dataclass, field
from typing import Literal

from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.options import DetectorOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelOptions(DetectorOptions):
    """Which levels, and a back end.

    Attributes
    ----------
    bands : str
        ``octave``, ``third_octave`` or ``both``.
    total : bool
        Whether the total level counts.
    relative : bool
        Bands relative to the total level, which is left out: for recorders whose gain changes.
    """

    backend: BackendOptions = field(default_factory=BackendOptions)
    bands: Literal["octave", "third_octave", "both"] = option(
        "both", "octave, third_octave or both"
    )
    total: bool = option(True, "the total level counts as well")
    relative: bool = option(False, "bands relative to the total level: for automatic gain")
