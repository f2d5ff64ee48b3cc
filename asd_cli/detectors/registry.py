"""All detectors by name; each is loaded when it is used."""

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from asd_cli.core.errors import UsageError
from asd_cli.detectors.base import Detector, DetectorOptions, DetectorState


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSpec:
    """What one should know of a detector before using it.

    Attributes
    ----------
    name : str
        On the command line.
    summary : str
        One line.
    needs_sections : bool
        Whether a machine must have two sections or more.
    source : str
        Paper the recipe is from.
    location : str
        ``module:class``.
    """

    name: str
    summary: str
    needs_sections: bool
    source: str
    location: str

    def load(self) -> type[Detector]:
        """Import the detector's class."""
        module, _, name = self.location.partition(":")
        return cast("type[Detector]", getattr(import_module(module), name))


DETECTORS = {
    spec.name: spec
    for spec in (
        DetectorSpec(
            name="mobilenetv2",
            summary="section classifier of the DCASE 2021 Task 2 baseline",
            needs_sections=True,
            source="Kawaguchi et al. 2021, arXiv:2106.04492",
            location="asd_cli.detectors.mobilenetv2:MobileNetV2Detector",
        ),
        DetectorSpec(
            name="pooled-knn",
            summary="nearest neighbour on log-mel pooled over time; no training",
            needs_sections=False,
            source="after Guan et al. 2023",
            location="asd_cli.detectors.pooled_knn:PooledKnnDetector",
        ),
    )
}


def detector_spec(name: str) -> DetectorSpec:
    """Look a detector up.

    Raises
    ------
    UsageError
        When there is none of that name.
    """
    if name not in DETECTORS:
        near = difflib.get_close_matches(name, DETECTORS, n=1)
        raise UsageError(
            f"there is no detector {name!r}",
            hint=(f"did you mean {near[0]!r}? " if near else "") + f"all: {', '.join(DETECTORS)}",
        )
    return DETECTORS[name]


def create_detector(name: str, options: DetectorOptions) -> Detector:
    """Make an unfitted detector; UsageError when there is none of that name."""
    factory = detector_spec(name).load()
    return factory(options)  # type: ignore[call-arg]


def restore_detector(name: str, state: DetectorState, options: DetectorOptions) -> Detector:
    """Make a fitted detector from its state; UsageError when there is none of that name."""
    return detector_spec(name).load().from_state(state, options)
