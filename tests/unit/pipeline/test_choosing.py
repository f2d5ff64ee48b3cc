import numpy as np
import pytest

from asd_cli.core.events import SilentEvents
from asd_cli.pipeline.choosing import Outcome, choose, leads
from asd_cli.pipeline.selection import Rank, Selection, _comment, _selected, _Tried


class Heard(SilentEvents):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def tried(name: str, *scores: float, reason: str = "") -> _Tried:
    mean = float(np.mean(scores)) if scores else None
    return _Tried(Rank(name, mean, {"section": mean} if mean else {}, 0.1, reason), scores)


def test_chance_alone_rarely_makes_a_lead() -> None:
    rng = np.random.default_rng(4)
    draws = rng.normal(0.8, 0.05, (2000, 2, 4))
    assert np.mean([leads(own, other) for own, other in draws]) < 0.02


@pytest.mark.parametrize("tasks", [1, 2])
def test_one_or_two_tasks_cannot_tell(tasks: int) -> None:
    assert not leads([0.9] * tasks, [0.6] * tasks)


def test_a_steady_gain_is_a_lead() -> None:
    assert leads([0.9, 0.9, 0.9], [0.8, 0.8, 0.8])
    assert choose(["robust", "a"], [[0.8, 0.7, 0.6], [0.9, 0.81, 0.7]], "robust") == (
        1, Outcome.LEAD,
    )  # fmt: skip


def test_without_a_lead_the_default_stays() -> None:
    scores = [[0.95, 0.6, 0.9], [0.8, 0.7, 0.8]]
    assert choose(["a", "robust"], scores, "robust") == (1, Outcome.DEFAULT)
    assert choose(["a", "b"], scores, "robust") == (0, Outcome.DEFAULT)


def test_without_tasks_the_default_is_taken() -> None:
    assert choose(["a", "robust"], [(), ()], "robust") == (1, Outcome.NO_TASKS)


def test_a_saturated_selection_takes_the_default_and_says_so() -> None:
    heard = Heard()
    selection = _selected(
        "fan", [tried("a", 1.0, 1.0), tried("b", 1.0, 0.999), tried("robust", 0.97, 0.99)], 2
    )
    _comment(selection, heard)
    assert selection.best == "robust"
    assert selection.outcome is Outcome.SATURATED
    assert [rank.candidate for rank in selection.ranks] == ["robust", "a", "b"]
    assert all(rank.tied for rank in selection.ranks)
    assert "their order says nothing; robust is taken" in heard.warnings[0]


def test_what_cannot_be_tried_is_last_and_never_chosen() -> None:
    selection = _selected("fan", [tried("robust", reason="too few clips"), tried("a", 0.7)], 1)
    assert [rank.candidate for rank in selection.ranks] == ["a", "robust"]
    assert not selection.ranks[-1].tied
    nothing = _selected("fan", [tried("a", reason="too few"), tried("b", reason="too few")], 1)
    assert nothing.best == "a"


def test_ties_are_those_that_chance_explains() -> None:
    selection = _selected(
        "fan",
        [tried("robust", 0.9, 0.8, 0.85), tried("a", 0.8, 0.7, 0.75), tried("b", 0.8, 0.9, 0.84)],
        3,
    )
    assert {rank.candidate: rank.tied for rank in selection.ranks} == {
        "robust": True, "b": True, "a": False,
    }  # fmt: skip


def test_less_than_chance_within_the_machine_is_said() -> None:
    heard = Heard()
    rank = Rank("robust", 0.9, {"machine": 0.95, "attribute": 0.41}, 0.1, tied=True)
    _comment(Selection("fan", (rank,), 2), heard)
    assert heard.warnings == [
        "fan: robust is at 0.41 on other sections or conditions of the machine, which is below "
        "chance: normal clips that were held out vary more"
    ]
    good = Heard()
    _comment(Selection("fan", (Rank("robust", 0.9, {"attribute": 0.6}, 0.1),), 2), good)
    assert not good.warnings
