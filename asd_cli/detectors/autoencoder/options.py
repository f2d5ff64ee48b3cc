"""Parameters of the autoencoder baselines."""

from dataclasses import dataclass, field

from asd_cli.detectors.options import DetectorOptions, FitOptions, Score, WindowOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoencoderOptions(DetectorOptions):
    """Windows and training."""

    windows: WindowOptions = field(default_factory=WindowOptions)
    fit: FitOptions = field(default_factory=FitOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class MahalanobisOptions(AutoencoderOptions):
    """Those of the autoencoder, and the score formula."""

    score: Score = option(
        "reference",
        "reference (the baseline's code) or paper (log_odds: the same)",
        key="score",
    )
