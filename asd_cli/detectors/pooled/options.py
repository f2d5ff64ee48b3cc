"""Parameters of detectors on statistics of a clip."""

from dataclasses import dataclass, field

from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.options import DetectorOptions, PoolingOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledOptions(DetectorOptions):
    """Pooling, speed perturbation and a back end."""

    pooling: PoolingOptions = field(default_factory=PoolingOptions)
    backend: BackendOptions = field(default_factory=BackendOptions)
