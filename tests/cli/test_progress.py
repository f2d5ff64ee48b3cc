"""What a long command says while it works, on a terminal and in a pipe."""

import io
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from asd_cli.cli import progress
from asd_cli.cli.console import Console
from asd_cli.cli.progress import shown_events


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress.time, "monotonic", made.monotonic)  # type: ignore[attr-defined]
    return made


def consoles(*, terminal: bool, width: int = 100) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    err = RichConsole(file=stream, force_terminal=terminal, width=width, color_system=None)
    return Console(out=err, err=err), stream


def test_in_a_pipe_a_long_stage_says_how_far_it_is_and_that_it_is_done(clock: Clock) -> None:
    console, stream = consoles(terminal=False)
    with shown_events(console, quiet=False) as events:
        events.started("train fan", 20, "epochs")
        for epoch in range(1, 21):
            clock.now = 10.0 * epoch
            events.advanced("train fan", 1)
        events.finished("train fan")
    assert stream.getvalue().splitlines() == [
        "train fan: 6 of 20 epochs, 60 s",
        "train fan: 12 of 20 epochs, 2 min 0 s",
        "train fan: 18 of 20 epochs, 3 min 0 s",
        "train fan: 20 epochs, 3 min 20 s",
    ]


def test_a_short_stage_and_a_quiet_command_leave_no_line(clock: Clock) -> None:
    for quiet, seconds in ((False, 1.0), (True, 500.0)):
        console, stream = consoles(terminal=False)
        with shown_events(console, quiet=quiet) as events:
            events.started("extract", 3, "clips")
            clock.now += seconds
            events.advanced("extract", 3)
            events.finished("extract")
        assert stream.getvalue() == ""


def test_bytes_are_counted_in_megabytes(clock: Clock) -> None:
    console, stream = consoles(terminal=False)
    with shown_events(console, quiet=False) as events:
        events.started("fan.zip", 3e8, "bytes")
        clock.now += 61
        events.advanced("fan.zip", 1.5e8)
        events.finished("fan.zip")
    assert stream.getvalue().splitlines() == [
        "fan.zip: 150 of 300 MB, 61 s",
        "fan.zip: 150 of 300 MB, 61 s",
    ]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_names_of_any_length_leave_the_counts_alone(width: int, clock: Clock) -> None:
    console, stream = consoles(terminal=True, width=width)
    name = "gearbox/train/section_00_source_train_normal_0003_speed_1_load_2_and_more.wav"
    with shown_events(console, quiet=False) as events:
        events.started("synthesize", 657, "clips")
        events.advanced("synthesize", 223, name)
        events._progress.refresh()
        shown = stream.getvalue()
        events.finished("synthesize")
    assert "223/657 clips" in shown
    assert "more.wav" in shown
    assert max(len(line) for line in shown.replace("\r", "\n").splitlines()) <= width + 20


def test_a_path_is_a_link_on_terminals_alone(tmp_path: Path) -> None:
    report = tmp_path / "report ü.html"
    stream = io.StringIO()
    err = RichConsole(file=stream, force_terminal=True, width=300, color_system="standard")
    Console(out=err, err=err).tell_place("report:", report)
    assert f"{report.as_uri()}\x1b\\" in stream.getvalue()
    console, piped = consoles(terminal=False, width=300)
    console.tell_place("report:", report)
    assert piped.getvalue() == f"report: {report}\n"


def test_tasks_of_one_name_in_several_workers_share_a_line(clock: Clock) -> None:
    console, stream = consoles(terminal=False)
    with shown_events(console, quiet=False) as events:
        for _ in range(2):
            events.started("extract fan train", 10, "clips")
        events.advanced("extract fan train", 10)
        events.finished("extract fan train")
        clock.now = 12.0
        events.advanced("extract fan train", 10)
        events.finished("extract fan train")
        events.advanced("extract fan train", 1)  # the last words of a worker that was stopped
        events.finished("extract fan train")
    assert stream.getvalue() == "extract fan train: 20 clips, 12 s\n"
