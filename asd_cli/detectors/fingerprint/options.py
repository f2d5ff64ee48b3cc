"""Parameters of the fingerprint detector."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le, Len

from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.options import DetectorOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintOptions(DetectorOptions):
    """Bands, speed perturbation and a back end.

    Attributes
    ----------
    bands : int
        How many, from 40 Hz to half of the sample rate.
    speeds : tuple of float
        Training clips count at these speeds as well.
    max_perturbed : int
        At most so many of them, evenly chosen.
    """

    backend: BackendOptions = field(default_factory=BackendOptions)
    bands: Annotated[int, Ge(8), Le(4096)] = option(288, "from 40 Hz to half of the sample rate")
    speeds: Annotated[tuple[Annotated[float, Ge(0.5), Le(2)], ...], Len(0, 16)] = option(
        (), "training clips are also used at these speeds"
    )
    max_perturbed: Annotated[int, Ge(1)] = option(
        128, "so many training clips at other speeds, evenly chosen"
    )
