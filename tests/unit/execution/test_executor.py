import os

import pytest

from asd_cli.core.errors import DataError, StorageError
from asd_cli.execution.executor import (
    ProcessExecutor,
    SerialExecutor,
    available_cores,
    make_executor,
)


def _square(number: int) -> int:
    return number * number


def _fail(number: int) -> int:
    raise DataError(f"item {number}", hint="mend it")


def _die(_: int) -> int:
    os._exit(9)


@pytest.mark.parametrize(
    "executor", [SerialExecutor(), ProcessExecutor(2)], ids=["serial", "processes"]
)
def test_results_come_in_order(executor: SerialExecutor | ProcessExecutor) -> None:
    assert list(executor.map(_square, range(40))) == [n * n for n in range(40)]


@pytest.mark.parametrize(
    "executor", [SerialExecutor(), ProcessExecutor(2)], ids=["serial", "processes"]
)
def test_errors_come_through_with_their_hint(executor: SerialExecutor | ProcessExecutor) -> None:
    with pytest.raises(DataError, match="item 0") as caught:
        list(executor.map(_fail, range(3)))
    assert caught.value.hint == "mend it"


def test_a_killed_worker_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StorageError, match="worker process was killed") as caught:
        list(ProcessExecutor(1).map(_die, [1]))
    assert "--jobs 1" in str(caught.value.hint)


def test_one_job_needs_no_process() -> None:
    assert isinstance(make_executor(1), SerialExecutor)
    assert make_executor(3).workers == 3
    assert make_executor(None).workers == max(1, available_cores())
