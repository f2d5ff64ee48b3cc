"""Parameters of ensembles."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Len

from asd_cli.core.structures import Structure
from asd_cli.detectors.options import DetectorOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleOptions(Structure):
    """How the scores of several detectors become one.

    Attributes
    ----------
    weights : tuple of float
        One for each member, of any sum; empty for equal ones.
    normalization : str
        ``z`` (mean 0 and standard deviation 1 over training clips), ``rank`` (fraction of training
        clips that score lower, continued linearly beyond the highest) or ``log`` (as ``z``, of the
        logarithms of scores that are distances).
    combination : str
        ``mean``, or ``soft_maximum``: near the highest, so that one member that is sure is not
        drowned by several that are not.
    groups : str
        Training clips that are normalized together: those of a ``machine``, a ``section``, or a
        ``domain`` of a section.
    """

    SECTION: ClassVar[str] = "ensemble"

    weights: Annotated[tuple[Annotated[float, Ge(0)], ...], Len(0, 32)] = option(
        (), "one for each detector; empty for equal ones"
    )
    normalization: Literal["z", "rank", "log"] = option(
        "z", "z (standard deviations from the normal mean), rank, or log (z of log distances)"
    )
    combination: Literal["mean", "soft_maximum"] = option(
        "mean", "mean, or soft_maximum (one member that is sure decides)"
    )
    groups: Literal["machine", "section", "domain"] = option(
        "section", "clips normalized together: of a machine, section or domain"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleDetectorOptions(DetectorOptions):
    """Members, each with a name and options of its own, and how they are combined."""

    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)
    members: tuple[tuple[str, DetectorOptions], ...] = ()
