"""Whether speed costs accuracy: AUC of the classifier trained plainly, with all tricks, in bf16.

    python -m tests.benchmarks.accuracy          # three sets, three trainings each; an hour
    python -m tests.benchmarks.accuracy --set 1
    python -m tests.benchmarks.accuracy --tiny

Each set is trained on several times, with other initial weights and another order of windows, which
are the same for every way of training: their differences are paired. *Plain* is a network of three equal channels in Keras' padding and torch's usual layout,
trained by ordinary Adam, and scored window by window.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asd_cli.core.events import SILENT
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Label, Mode, Split
from asd_cli.evaluation.metrics import auc
from asd_cli.execution.executor import SerialExecutor, make_executor
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.options import detector_options
from asd_cli.services.demo import demo_settings
from asd_cli.synthetic.generate import generate
from asd_cli.synthetic.plan import SyntheticPlan

SEEDS = (1, 2, 3)
REPEATS = 3
TINY = SyntheticPlan(
    machines=("fan",), sections=2, source_train=2, target_train=1, test_normal=1, test_anomaly=1,
    duration_s=2.5,
)  # fmt: skip

# Scores of the clips of a store.
Scorer = Callable[[Any], np.ndarray]


def _ours(train: Any, options: Any) -> Scorer:
    from asd_cli.detectors.base import FitContext
    from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector

    detector = MobileNetV2Detector(options)
    detector.fit(train, FitContext())
    return lambda store: detector.score(store).clips


def _in_bf16(train: Any, options: Any) -> Scorer:
    return _ours(train, replace(options, fit=replace(options.fit, precision="bf16")))


class _PlainTraining:
    """The plain network in training (`asd_cli.training.loop.Trainable`)."""

    def __init__(self, weights: Any, inputs: Callable[[Any], Any], labels: Any, lr: float) -> None:
        import torch

        from tests.support.straightforward import straightforward_network

        self.model = straightforward_network(weights)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)
        self._inputs, self._labels = inputs, labels

    def loss(self, windows: Any) -> Any:
        import torch

        labels = torch.from_numpy(self._labels[windows])
        return torch.nn.functional.cross_entropy(self.model(self._inputs(windows)), labels)

    def before_step(self, step: int) -> None:
        from asd_cli.training.keras_adam import set_epsilon

        set_epsilon(self.optimizer, step)


def _plain(train: Any, options: Any) -> Scorer:
    import torch

    from asd_cli.detectors.mobilenetv2.detector import window_scores
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2, to_keras
    from asd_cli.detectors.training_plan import last_epoch_batches, plan_fit, store_windows
    from asd_cli.training.batch_norm import recalibrate
    from asd_cli.training.loop import fit

    def inputs_of(store: Any, windows: Any) -> Callable[[Any], Any]:
        def gather(chosen: Any) -> Any:
            batch = torch.from_numpy(store.data[windows.rows(chosen)])
            return batch[:, None].expand(-1, 3, -1, -1).contiguous()

        return gather

    sections = sorted({clip.section for clip in train.clips})
    own = np.array([sections.index(clip.section) for clip in train.clips])
    windows = store_windows(options.windows.n_frames, train, options.windows.n_hop_frames)
    generator = torch.Generator().manual_seed(derive_seed(options.seed, "weights"))
    inputs = inputs_of(train, windows)
    weights = to_keras(MobileNetV2(len(sections), generator))
    training = _PlainTraining(weights, inputs, own[windows.clips], options.fit.lr)
    plan = plan_fit(options.fit, train.clips, windows.clips, seed=options.seed)
    fit(training, plan, checkpoint=None, events=SILENT, task="plain")
    recalibrate(training.model, training.model, map(inputs, last_epoch_batches(plan)))
    training.model.eval()

    def score(store: Any) -> np.ndarray:
        windows = store_windows(options.windows.n_frames, store, options.windows.score_hop_frames)
        gather = inputs_of(store, windows)
        scores = []
        with torch.inference_mode():
            for index, clip in enumerate(store.clips):
                chances = training.model(gather(np.flatnonzero(windows.clips == index))).softmax(1)
                belief = chances[:, sections.index(clip.section)].numpy()
                scores.append(window_scores(belief, options.score).mean(dtype=np.float32))
        return np.array(scores, np.float32)

    return score


TRAININGS: dict[str, Callable[[Any, Any], Scorer]] = {
    "plain": _plain, "with all tricks": _ours, "bf16": _in_bf16,
}  # fmt: skip


def _mean_auc(store: Any, scorer: Scorer) -> float:
    """Mean of the AUCs of all sections and domains."""
    scores = scorer(store)
    cells = np.array([f"{clip.section} {clip.domain}" for clip in store.clips])
    anomalous = np.array([clip.label is Label.ANOMALY for clip in store.clips])
    found = []
    for cell in sorted(set(cells)):
        own = cells == cell
        found.append(auc(scores[own & ~anomalous], scores[own & anomalous]))
    return statistics.fmean(area for area in found if area is not None)


def _measure(
    folder: Path, plan: SyntheticPlan, *, epochs: int, repeats: int
) -> dict[str, dict[str, list[float]]]:
    """Mean AUCs of each machine by each way of training, one a repeat."""
    settings = demo_settings(folder, "mobilenetv2")
    with closing(make_executor(1)) as executor:
        generate(settings.dev_directory, plan, mode=Mode.DEV, executor=executor, events=SILENT)
    layout = Layout(settings, Mode.DEV)
    options: Any = detector_options(settings, features=layout.features(), device="cpu")
    options = replace(options, fit=replace(options.fit, epochs=epochs))
    context = ExtractionContext(layout, SerialExecutor(), SILENT)
    found: dict[str, dict[str, list[float]]] = {}
    for machine in plan.machines:
        train, test = (context.require(machine, split)[0].open() for split in Split)
        seeds = [derive_seed(plan.seed, "training", number) for number in range(repeats)]
        found[machine] = {
            name: [
                round(_mean_auc(test, training(train, replace(options, seed=seed))), 4)
                for seed in seeds
            ]
            for name, training in TRAININGS.items()
        }
    return found


Found = dict[str, dict[str, dict[str, list[float]]]]


def run(sets: Sequence[int] = SEEDS, *, repeats: int = REPEATS, tiny: bool = False) -> Found:
    """Measure every set, machine and way of training, with one thread."""
    from asd_cli.training.devices import deterministic_kernels

    found = {}
    with deterministic_kernels(1):
        for seed in sets[:1] if tiny else sets:
            plan = replace(TINY if tiny else SyntheticPlan(), seed=seed)
            size = {"epochs": 1, "repeats": 1} if tiny else {"epochs": 6, "repeats": repeats}
            with tempfile.TemporaryDirectory() as folder:
                found[f"seed {seed}"] = _measure(Path(folder), plan, **size)
    return found


def as_markdown(found: Found) -> str:
    """One row a set and machine, then the means and what they differ from plain by."""
    lines = [f"| set | {' | '.join(TRAININGS)} |", "|---|" + "--:|" * len(TRAININGS)]
    rows = {f"{seed}, {m}": row for seed, rows in found.items() for m, row in rows.items()}
    for label, row in rows.items():
        lines.append(_line(label, [row[name] for name in TRAININGS]))
    every = [[area for row in rows.values() for area in row[name]] for name in TRAININGS]
    lines.append(_line("mean", every))
    apart = [[own - plain for own, plain in zip(one, every[0], strict=True)] for one in every]
    lines.append(
        _line(f"less plain, of {len(every[0])} pairs, ± standard error", apart, errors=True)
    )
    return "\n".join(lines)


def _line(label: str, columns: list[list[float]], *, errors: bool = False) -> str:
    """Means and deviations, or standard errors of the means."""
    cells = []
    for values in columns:
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        spread /= len(values) ** 0.5 if errors else 1.0
        cells.append(f"{statistics.fmean(values):.3f} ± {spread:.3f}")
    return f"| {label} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table, then the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", type=int, help="a set's seed")
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    found = run(given.set or SEEDS, tiny=given.tiny)
    print(as_markdown(found))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
