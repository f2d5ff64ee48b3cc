"""What a worker process of extraction loads: it must stay small and start fast."""

import sys
from functools import partial
from pathlib import Path

from asd_cli.execution.executor import ProcessExecutor
from asd_cli.features.computation import ClipJob, compute_clip
from asd_cli.features.logmel import mel_basis
from asd_cli.features.recipe import FeatureRecipe
from tests.support.recordings import tone, write_wav

HEAVY = {"librosa", "torch", "sklearn", "pandas", "matplotlib", "numba", "pydantic", "scipy.stats"}


def _extract_and_look(job: ClipJob, *, recipe: FeatureRecipe, folder: Path) -> tuple[int, set[str]]:
    outcome = compute_clip(job, recipe=recipe, folder=folder)
    assert outcome.rows is not None
    return len(outcome.rows), HEAVY & set(sys.modules)


def test_workers_load_neither_librosa_nor_torch_nor_sklearn(tmp_path: Path) -> None:
    recipe = FeatureRecipe()
    mel_basis(recipe, tmp_path)  # by librosa, here, and kept beside the store
    path = write_wav(tmp_path / "clip.wav", tone(440.0))
    executor = ProcessExecutor(1)
    work = partial(_extract_and_look, recipe=recipe, folder=tmp_path)
    assert list(executor.map(work, [ClipJob(path, None)])) == [(47, set())]
    executor.close()
