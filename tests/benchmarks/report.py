"""A report of full size: 7 machines, 6 section-domains each, 200 clips of 10 s each.

    python -m tests.benchmarks.report

Scores are drawn at random; recordings are a few synthetic ones under all the names of the set
(hard links), so that disk and time go to the report and not to its making. Without ``--cache`` the
report finds no features and computes those it needs; with it they are extracted first.
``TMPDIR`` chooses the disk.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import asd_cli as asd
from asd_cli.artifacts.manifest import MachineRecord, Manifest, TrainingRecord, update_manifest
from asd_cli.artifacts.score_files import (
    DECISION,
    SCORE,
    ScoreFileKey,
    write_decisions,
    write_scores,
)
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.hashing import hash_file
from asd_cli.core.types import Mode, Split
from asd_cli.pipeline.identity import decisive_settings
from asd_cli.pipeline.layout import Layout
from asd_cli.services.report import ReportRequest, report
from asd_cli.settings.model import Settings
from asd_cli.synthetic.plan import SyntheticPlan, plan_clips
from asd_cli.synthetic.rendering import encode_wav, render_clip
from tests.support.report_runs import settings_in

MACHINES = ("ToyCar", "ToyTrain", "fan", "gearbox", "pump", "slider", "valve")
_RECORDINGS = 16
_WINDOWS = 250


def make_full_run(root: Path, plan: SyntheticPlan) -> Settings:
    """Lay out recordings, scores, decisions, window scores and a manifest."""
    settings = settings_in(root)
    clips = plan_clips(plan, Mode.DEV)
    for machine in plan.machines:
        own = [clip for clip in clips if clip.machine == machine]
        chosen = own[:: max(1, len(own) // _RECORDINGS)]
        wavs = [_write(root / f"{machine}_{i}.wav", encode_wav(render_clip(plan, clip).y))
                for i, clip in enumerate(chosen)]  # fmt: skip
        for number, clip in enumerate(own):
            path = settings.dev_directory / clip.path
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(wavs[number % len(wavs)], path)
    _write_results(settings, plan)
    return settings


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _write_results(settings: Settings, plan: SyntheticPlan) -> None:
    from safetensors.numpy import save

    layout = Layout(settings, Mode.DEV)
    rng = np.random.default_rng(1)
    files: dict[str, dict[str, str]] = {machine: {} for machine in plan.machines}
    windows: dict[str, dict[str, object]] = {machine: {} for machine in plan.machines}
    groups: dict[ScoreFileKey, list[str]] = {}
    for clip in plan_clips(plan, Mode.DEV):
        if clip.split is Split.TEST:
            key = ScoreFileKey(clip.machine, clip.section, clip.domain)
            groups.setdefault(key, []).append(clip.name)
    for key, unsorted in groups.items():
        names = sorted(unsorted, key=lambda name: ("anomaly" in name, name))
        scores = np.array([rng.normal(1.0 * ("anomaly" in name)) for name in names], np.float32)
        paths = [layout.result_directory / key.file_name(kind) for kind in (SCORE, DECISION)]
        write_scores(paths[0], names, scores)
        write_decisions(paths[1], names, (scores > 1).astype(int))
        files[key.machine].update({path.name: hash_file(path) for path in paths})
        for name, score in zip(names, scores, strict=True):
            windows[key.machine][name] = rng.normal(score, 1, _WINDOWS).astype(np.float32)
    for machine, content in windows.items():
        layout.window_scores(machine).write_bytes(save(content))  # type: ignore[arg-type]
    counts = {machine: len(content) for machine, content in windows.items()}
    training = TrainingRecord(
        detector=layout.plan.name, seed=settings.seed, threads=None,
        settings=decisive_settings(settings, layout.features()), features=layout.features().fingerprint,
        data="", versions={},
    )  # fmt: skip
    manifest = Manifest(
        edition="dcase2021",
        mode="dev",
        detector=layout.plan.name,
        machines={
            machine: MachineRecord(
                inputs={}, files=found, clips=counts[machine], flagged=0,
                threshold=Threshold(
                    value=1.0, kind="quantile", quantile=0.9, false_alarm_rate=0.1
                ),
                training=training, threads=None, seconds=0.0, written="",
                data_directory=str(settings.dev_directory),
            )
            for machine, found in files.items()
        },
    )  # fmt: skip
    update_manifest(layout.manifest, lambda _: manifest)


def browse(path: Path) -> dict[str, float] | None:
    """Load and scroll through a page; None without Chromium.

    Returns
    -------
    dict of str to float
        Milliseconds until it is loaded, and between two frames while scrolling, at most and in
        the 95th percentile.
    """
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if chromium is None:
        return None
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        gaps = np.array(page.evaluate(_SCROLL))
        browser.close()
    return {
        "loaded_ms": round(loaded),
        "scroll_frame_p95_ms": round(float(np.quantile(gaps, 0.95)), 1),
        "scroll_frame_max_ms": round(float(gaps.max()), 1),
    }


_SCROLL = """() => new Promise((resolve) => {
  document.documentElement.style.scrollBehavior = "auto";
  const gaps = []; let last = performance.now(); let steps = 0;
  const step = (now) => {
    gaps.push(now - last); last = now; window.scrollBy(0, 240);
    const end = window.scrollY + window.innerHeight >= document.body.scrollHeight - 2;
    if (end || ++steps > 600) resolve(gaps.slice(1)); else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def run(
    machines: int = 7, *, clips: int = 200, train: int = 60, duration_s: float = 10.0,
    cache: bool = False,
) -> dict[str, object]:  # fmt: skip
    """Measure a report.

    Parameters
    ----------
    machines : int
        How many of the seven.
    clips : int
        Test clips of each section and domain.
    train : int
        Training clips of each section.
    duration_s : float
        Length of a clip.
    cache : bool
        Whether features are extracted first.

    Returns
    -------
    dict
        Seconds, sizes in bytes, peak memory in bytes, and what a browser says.
    """
    plan = SyntheticPlan(
        machines=MACHINES[:machines],
        source_train=train,
        target_train=3,
        test_normal=clips // 2,
        test_anomaly=clips - clips // 2,
        duration_s=duration_s,
    )
    with tempfile.TemporaryDirectory() as name:
        settings = make_full_run(Path(name), plan)
        if cache:
            asd.extract(asd.RunRequest(settings=settings))
        request = ReportRequest(settings=settings)
        figures: dict[str, object] = {}
        page = Path(name)
        for audio in (False, True):
            key = "with_audio" if audio else "without_audio"
            start = time.perf_counter()
            page = report(replace(request, audio=audio)).path or page
            figures[f"{key}_seconds"] = round(time.perf_counter() - start, 2)
            figures[f"{key}_bytes"] = page.stat().st_size
        unit = 1 if sys.platform == "darwin" else 1024
        figures["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        figures["browser"] = browse(page)
        return figures


def main() -> None:
    """Print the measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=7)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--train", type=int, default=60)
    parser.add_argument("--cache", action="store_true")
    given = parser.parse_args()
    figures = run(given.machines, clips=given.clips, train=given.train, cache=given.cache)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
