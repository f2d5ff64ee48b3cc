"""`asd demo`: the whole of `asd run`, offline, on a synthetic set in a folder of its own."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import write_text
from asd_cli.core.types import Mode
from asd_cli.detectors.plans import parse_detector
from asd_cli.execution.executor import make_executor
from asd_cli.pipeline.request import RunRequest
from asd_cli.services.run import RunResult, run
from asd_cli.settings.model import Settings
from asd_cli.settings.render import render_yaml
from asd_cli.synthetic.generate import SyntheticResult, generate
from asd_cli.synthetic.plan import DEMO_PLAN, SyntheticPlan

_CLASSIFIER = "mobilenetv2"
# The set is a hundredth of the real one: fewer, larger steps, and batch norms set right after them.
_CLASSIFIER_FIT = {
    "fit.lr": 0.001,
    "fit.epochs": 6,
    "fit.batch_norm": "recalibrate",
    "fit.validation": "stratified",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """What to demonstrate.

    Attributes
    ----------
    folder : Path
        Where everything goes.
    detector : str
        Which detector.
    device : str
        Where to train and score.
    jobs : int or None
        Worker processes.
    plan : SyntheticPlan
        Size and seed of the synthetic set.
    """

    folder: Path = Path("asd_demo")
    detector: str = "mobilenetv2"
    device: str = "auto"
    jobs: int | None = None
    plan: SyntheticPlan = DEMO_PLAN


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The synthetic set, the settings that were used and what the run gave."""

    data: SyntheticResult
    settings: Settings
    run: RunResult


def demo(request: DemoRequest, events: Events = SILENT) -> DemoResult:
    """Make the synthetic set, run everything on it, and leave a settings file beside it.

    Raises
    ------
    UsageError
        When the folder holds something else.
    AsdError
        What any step of the run raises.
    """
    settings = demo_settings(request.folder, request.detector)
    with closing(make_executor(request.jobs)) as executor:
        data = generate(
            settings.dev_directory, request.plan, mode=Mode.DEV, executor=executor, events=events
        )
    # Seen from inside the folder, so that `cd asd_demo && asd evaluate` works.
    write_text(
        request.folder / "baseline.yaml", render_yaml(demo_settings(Path(), request.detector))
    )
    result = run(RunRequest(settings=settings, device=request.device, jobs=request.jobs), events)
    return DemoResult(data, settings, result)


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
    classifies = _CLASSIFIER in (plan.name, *(spec.name for spec in plan.members))
    return folders.with_detector(plan.name, _CLASSIFIER_FIT if classifies else {})
