"""What detectors reached in our own benchmark: a data file that the benchmark writes."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Measured:
    """Official scores in per cent.

    Attributes
    ----------
    synthetic_mean, synthetic_sd : float
        Mean and standard deviation over three synthetic sets.
    real_fans : float
        On recordings of real fans.
    """

    synthetic_mean: float
    synthetic_sd: float
    real_fans: float

    def __str__(self) -> str:
        return f"{self.synthetic_mean} ± {self.synthetic_sd} / {self.real_fans}"


@cache
def measured_scores() -> Mapping[str, Measured]:
    """Read ``measured.toml``; detector, preset or ensemble to what it reached.

    Examples
    --------
    >>> "pooled-speed" in measured_scores()
    True
    """
    text = (files("asd_cli.detectors") / "measured.toml").read_text(encoding="utf-8")
    return {name: Measured(**values) for name, values in tomllib.loads(text).items()}


def render_measured(scores: Mapping[str, Measured]) -> str:
    """Write the data file; the benchmark calls it."""
    lines = [
        "# Official scores in per cent: mean and standard deviation over three synthetic",
        "# sets, then recordings of real fans. Written by",
        "# `python -m tests.benchmarks.detectors --write`.",
    ]
    for name, value in scores.items():
        lines += [
            "",
            f'["{name}"]',
            f"synthetic_mean = {value.synthetic_mean}",
            f"synthetic_sd = {value.synthetic_sd}",
            f"real_fans = {value.real_fans}",
        ]
    return "\n".join(lines) + "\n"
