"""What a report is made from: scores with their labels, and the facts of the run around them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asd_cli.detectors.spec import LOSS, Loss
from asd_cli.evaluation.evaluation import Evaluation
from asd_cli.evaluation.labelled import FloatArray, LabelledScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A machine's decision threshold.

    Attributes
    ----------
    value : float
        Scores above it are called anomalous.
    label : str
        How it is known: ``gamma, 0.9 quantile`` or ``inferred from the decisions``.
    notes : tuple of str
        What was odd when it was fitted.
    find : callable or None
        Gives that of a section and domain where they have thresholds of their own.
    """

    value: float
    label: str
    notes: tuple[str, ...] = ()
    find: Callable[[str, str | None], float] | None = None

    def of(self, section: str, domain: str | None) -> float:
        """Give the threshold of a section and domain."""
        return self.find(section, domain) if self.find else self.value

    def of_all(self, scores: Sequence[LabelledScores]) -> list[float]:
        """Give the thresholds that decided, ascending; `value` where there are no clips."""
        found = {self.of(part.section, part.domain) for part in scores}
        return sorted(found) or [self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineContent:
    """One machine type of a system.

    Attributes
    ----------
    name : str
        Machine type.
    scores : tuple of LabelledScores
        One for each section and domain, in the order of the evaluation's rows.
    threshold : Threshold or None
        None where it is not known.
    history : sequence of mapping
        Losses, one row an epoch; empty where nothing was trained.
    attributes : mapping of str to mapping
        Name of an attribute, to clip name and value; empty where none are known.
    p_values : mapping of (str, str or None) to ndarray [shape=(n_clips,)]
        Section and domain, to the p-values of its clips; empty where the model is not there.
    loss : Loss
        What was minimised in training.
    """

    name: str
    scores: tuple[LabelledScores, ...]
    threshold: Threshold | None = None
    history: Sequence[Mapping[str, float]] = ()
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    p_values: Mapping[tuple[str, str | None], FloatArray] = field(default_factory=dict)
    loss: Loss = LOSS


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemContent:
    """One evaluated system.

    Attributes
    ----------
    name, detector, edition, mode, signature : str
        What it is.
    max_fpr : float
        False-positive rate where the pAUC ends.
    evaluation : Evaluation
        The figures.
    machines : tuple of MachineContent
        In the order of the evaluation.
    synthetic : bool
        Whether the recordings were computed and not recorded.
    problems : tuple of str
        Why the run is incomplete; empty when it is complete.
    written : str
        When it was scored, ISO 8601; empty where not known.
    seconds : float or None
        How long training and scoring took, where the run says so.
    settings : tuple of (str, str, str, bool)
        Key, value, origin, and whether it differs from the default.
    manifest : mapping
        As in ``manifest.json``; empty where there is none.
    """

    name: str
    detector: str
    edition: str
    mode: str
    signature: str
    max_fpr: float
    evaluation: Evaluation
    machines: tuple[MachineContent, ...]
    synthetic: bool = False
    problems: tuple[str, ...] = ()
    written: str = ""
    seconds: float | None = None
    settings: tuple[tuple[str, str, str, bool], ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scores(self) -> tuple[LabelledScores, ...]:
        """Scores of all machines."""
        return tuple(scores for machine in self.machines for scores in machine.scores)


_INFERRED = "inferred from the decisions"


def infer_threshold(scores: Sequence[LabelledScores]) -> Threshold | None:
    """Find where a threshold, or one for each section and domain, could lie that decides so.

    None where no threshold gives these decisions.
    """
    value = _between(scores)
    if value is not None:
        return Threshold(value=value, label=_INFERRED)
    parts = {(part.section, part.domain): _between([part]) for part in scores}
    found = {key: value for key, value in parts.items() if value is not None}
    if not found or len(found) < len(parts):
        return None

    def find(section: str, domain: str | None) -> float:
        return found[section, domain]

    return Threshold(value=max(found.values()), label=_INFERRED, find=find)


def _between(scores: Sequence[LabelledScores]) -> float | None:
    """Give the middle between the clips that are flagged and the others."""
    known = [(s.scores, s.decisions) for s in scores if s.decisions is not None]
    if not known:
        return None
    flagged = np.concatenate([values[decisions] for values, decisions in known])
    passed = np.concatenate([values[~decisions] for values, decisions in known])
    if not len(flagged) or not len(passed) or passed.max() > flagged.min():
        return None
    return float(passed.max() + flagged.min()) / 2
