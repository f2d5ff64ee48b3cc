"""Parameters of the section classifier and of back ends on its embedding."""

from dataclasses import dataclass, field

from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.options import DetectorOptions, FitOptions, Score, WindowOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV2Options(DetectorOptions):
    """Windows, training and score formula."""

    windows: WindowOptions = field(default_factory=WindowOptions)
    fit: FitOptions = field(default_factory=FitOptions)
    score: Score = option(
        "reference",
        "reference (the baseline's code) or paper (log_odds: the same)",
        key="score",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV2EmbeddingOptions(MobileNetV2Options):
    """Those of the classifier, and a back end."""

    backend: BackendOptions = field(default_factory=BackendOptions)
