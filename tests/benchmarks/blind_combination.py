"""How far any ensemble must fall behind the one member that hears a fault, if nobody says which.

    python -m tests.benchmarks.blind_combination

Members are independent, and normal scores are standard normal. A fault moves the score of one
member, so that this one alone has the AUC of the first column. The best combination that does not
know which member it is, is the likelihood ratio of the mixture of all cases (Neyman and Pearson
1933): no other one has a larger AUC against the mixture.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from asd_cli.detectors.combining import combine
from asd_cli.evaluation.metrics import auc

_SINGLE = (0.75, 0.85, 0.92, 0.98)
_MEMBERS = (2, 5)


@dataclass(frozen=True, slots=True)
class Row:
    """AUC of the member that hears, of the best blind combination, and of the soft maximum."""

    single: float
    members: int
    best: float
    soft_maximum: float


def run(*, draws: int = 200_000, seed: int = 0) -> list[Row]:
    """Simulate; `draws` clips of each class."""
    generator = np.random.default_rng(seed)
    rows = []
    for single in _SINGLE:
        shift = float(np.sqrt(2.0) * norm.ppf(single))
        for members in _MEMBERS:
            normal, faulty = generator.standard_normal((2, members, draws))
            faulty[0] += shift
            rows.append(
                Row(
                    single,
                    members,
                    best=_auc(*(_ratio(scores, shift) for scores in (normal, faulty))),
                    soft_maximum=_auc(*(_soft(scores) for scores in (normal, faulty))),
                )
            )
    return rows


def _ratio(scores: npt.NDArray[np.float64], shift: float) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp(shift * scores - shift**2 / 2).mean(axis=0))


def _soft(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return combine(scores, np.full(len(scores), 1.0 / len(scores)), "soft_maximum")


def _auc(normal: npt.NDArray[np.float64], faulty: npt.NDArray[np.float64]) -> float:
    found = auc(normal, faulty)
    return float("nan") if found is None else found


def as_markdown(rows: list[Row]) -> str:
    """One row a case."""
    lines = ["| member that hears | members | best blind | soft maximum |", "|--:|--:|--:|--:|"]
    lines += [
        f"| {row.single:.2f} | {row.members} | {row.best:.3f} | {row.soft_maximum:.3f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_markdown(run()))
