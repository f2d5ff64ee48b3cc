"""`asd demo`: the whole of `asd run`, offline, on a synthetic set in a folder of its own."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import write_text
from asd_cli.core.types import Mode
from asd_cli.detectors.plans import parse_detector
from asd_cli.execution.executor import Executor, make_executor
from asd_cli.pipeline.request import RunRequest
from asd_cli.services.run import RunResult, run
from asd_cli.settings.model import Settings
from asd_cli.settings.render import render_changes
from asd_cli.synthetic.generate import SyntheticResult, generate
from asd_cli.synthetic.plan import DEMO_PLAN, SyntheticPlan

BASELINE = "mobilenetv2"
DEFAULT = "robust"
_SETTINGS = "baseline.yaml"
# The set is a hundredth of the real one: fewer, larger steps, and batch norms set right after them.
# More than two epochs change the AUCs by no more than chance; so do four times as many windows.
_CLASSIFIER_FIT = {
    "fit.lr": 0.001,
    "fit.epochs": 2,
    "fit.batch_norm": "recalibrate",
    "fit.validation": "stratified",
    "feature.score_hop_frames": 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """What to demonstrate.

    Attributes
    ----------
    folder : Path
        Where everything goes.
    detectors : tuple of str
        Run one after the other; the last is the one that the folder's settings name.
    device : str
        Where to train and score.
    jobs : int or None
        Worker processes.
    plan : SyntheticPlan
        Size and seed of the synthetic set.
    """

    folder: Path = Path("asd_demo")
    detectors: tuple[str, ...] = (BASELINE, DEFAULT)
    device: str = "auto"
    jobs: int | None = None
    plan: SyntheticPlan = DEMO_PLAN


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The synthetic set, and what the run of each detector gave."""

    data: SyntheticResult
    runs: tuple[RunResult, ...]


def demo(request: DemoRequest, events: Events = SILENT) -> DemoResult:
    """Make the synthetic set, run everything on it, and leave a settings file beside it.

    Raises
    ------
    UsageError
        When the folder holds something else.
    AsdError
        What any step of the run raises.
    """
    with closing(make_executor(request.jobs)) as executor:
        return _demo(request, events, executor)


def _demo(request: DemoRequest, events: Events, executor: Executor) -> DemoResult:
    folder = request.folder / "dev_data"
    data = generate(folder, request.plan, mode=Mode.DEV, executor=executor, events=events)
    # Seen from inside the folder, so that `cd asd_demo && asd evaluate` works. Another demo in the
    # folder leaves it: what the first one made is found by it.
    if not (request.folder / _SETTINGS).exists():
        inside = demo_settings(Path(), request.detectors[-1])
        comment = "Settings of asd demo; all others have their defaults: asd config show"
        write_text(request.folder / _SETTINGS, render_changes(inside, comment))
    runs = [
        run(
            RunRequest(
                settings=demo_settings(request.folder, detector),
                device=request.device,
                jobs=request.jobs,
            ),
            events,
            executor=executor,
        )
        for detector in request.detectors
    ]
    return DemoResult(data, tuple(runs))


def demo_settings(folder: Path, detector: str) -> Settings:
    """Give the settings of the demonstration, with everything inside `folder`."""
    folders = Settings(
        dev_directory=folder / "dev_data",
        eval_directory=folder / "eval_data",
        cache_directory=folder / "cache",
        model_directory=folder / "model",
        result_directory=folder / "result",
    )
    plan = parse_detector(detector)
    classifies = BASELINE in (plan.name, *(spec.name for spec in plan.members))
    known = _CLASSIFIER_FIT if classifies or plan.name == DEFAULT else {}
    return folders.with_detector(plan.name, known)
