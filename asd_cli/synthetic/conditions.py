"""Operating conditions: the levels that names speak of, and what they mean to a machine.

Source clips run at speeds 1 to 3 around the nominal one, target clips at speeds 4 and 5, which lie
above or below all of them, depending on the individual. Loads 1 and 2 occur in both domains.
"""

from dataclasses import dataclass

from numpy.random import Generator

from asd_cli.core.types import Domain

_SOURCE_SPEEDS = {1: 0.94, 2: 1.0, 3: 1.06}
_TARGET_FASTER = {4: 1.2, 5: 1.26}
_TARGET_SLOWER = {4: 0.83, 5: 0.78}
_LOADS = {1: 0.85, 2: 1.2}
_LEVELS = {Domain.SOURCE: tuple(_SOURCE_SPEEDS), Domain.TARGET: tuple(_TARGET_FASTER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a machine was run during a clip, as levels."""

    speed: int
    load: int

    def describe(self, attributes: tuple[str, str]) -> str:
        """Write the condition as it stands in a clip's name: ``speed_2_load_1``."""
        return f"{attributes[0]}_{self.speed}_{attributes[1]}_{self.load}"


def scheduled_condition(domain: Domain, number: int) -> Condition:
    """Give training clip `number` its turn, so that few clips cover all conditions."""
    speeds = _LEVELS[domain]
    loads = tuple(_LOADS)
    round_number, turn = divmod(number, len(speeds))
    return Condition(speed=speeds[turn], load=loads[(round_number + turn) % len(loads)])


def draw_condition(rng: Generator, domain: Domain) -> Condition:
    """Draw the condition of a test clip."""
    return Condition(speed=int(rng.choice(_LEVELS[domain])), load=int(rng.choice(tuple(_LOADS))))


def relative_speed(condition: Condition, *, faster: bool) -> float:
    """Turn a speed level into a factor; `faster` says which way the individual's target lies."""
    return (_SOURCE_SPEEDS | (_TARGET_FASTER if faster else _TARGET_SLOWER))[condition.speed]


def relative_load(condition: Condition) -> float:
    """Turn a load level into a factor."""
    return _LOADS[condition.load]
