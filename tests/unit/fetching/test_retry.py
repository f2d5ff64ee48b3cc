"""Tries, pauses and deadlines, without waiting."""

import socket

import pytest
import requests

from asd_cli.fetching.http import network_errors
from asd_cli.fetching.retry import (
    RetryBudget,
    RetryPolicy,
    StallDetector,
    StalledError,
    TransientError,
    UnknownHostError,
    pause_before_retry,
)
from tests.support.fetching import RecordedEvents


def test_pauses_grow_to_a_limit_and_differ() -> None:
    policy = RetryPolicy(pause=1.0, pause_limit=8.0)
    for tries, longest in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (40, 8.0)]:
        pauses = {pause_before_retry(policy, tries=tries, asked=None) for _ in range(50)}
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (30.0, 30.0), (1e9, 300.0), (-1.0, 0.0)])
def test_what_a_server_asks_for_is_bounded(asked: float, waited: float) -> None:
    assert pause_before_retry(RetryPolicy(), tries=1, asked=asked) == waited


def test_a_budget_ends_with_the_last_fault() -> None:
    waits: list[float] = []
    events = RecordedEvents()
    budget = RetryBudget(RetryPolicy(attempts=3), events, sleep=waits.append)
    budget.spend(TransientError("first"))
    budget.spend(TransientError("second", wait=5.0))
    with pytest.raises(TransientError, match="third"):
        budget.spend(TransientError("third"))
    assert len(waits) == 2
    assert waits[1] == 5.0
    assert events.notes[1] == "second; trying again in 5 s"


def test_progress_gives_all_tries_back() -> None:
    budget = RetryBudget(RetryPolicy(attempts=2), sleep=lambda _: None)
    for _ in range(10):
        budget.spend(TransientError("again"))
        budget.renew()


def test_a_slow_period_is_a_stall_and_a_good_one_is_not() -> None:
    now = [0.0]
    stall_detector = StallDetector(RetryPolicy(stall=10.0, stall_bytes=100), clock=lambda: now[0])
    stall_detector.arrived(1)
    now[0] = 9.9
    stall_detector.arrived(1)
    now[0] = 10.0
    stall_detector.arrived(98)
    now[0] = 19.9
    stall_detector.arrived(99)
    now[0] = 20.0
    with pytest.raises(StalledError, match="99 bytes in 10 s"):
        stall_detector.arrived(0)


def test_a_name_that_is_not_known_is_not_waited_for() -> None:
    waits: list[float] = []
    budget = RetryBudget(RetryPolicy(attempts=6), RecordedEvents(), sleep=waits.append)
    budget.spend(UnknownHostError("zenodo.org"))
    with pytest.raises(UnknownHostError) as caught:
        budget.spend(UnknownHostError("zenodo.org"))
    assert len(waits) == 1
    assert "asd fetch --from DIR" in str(caught.value.hint)


def test_a_failed_look_up_of_a_name_is_told_from_a_broken_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with (
        pytest.raises(UnknownHostError, match=r"no server called nowhere\.invalid"),
        network_errors("https://nowhere.invalid/x"),
    ):
        requests.get("https://nowhere.invalid/x", timeout=5)
