"""What a worker process of extraction loads: it must stay small and start fast."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from asd_cli.execution.executor import ProcessExecutor
from asd_cli.features.computation import ClipJob, compute_clip
from asd_cli.features.recipe import FeatureParameters
from tests.support.recordings import tone, write_wav

HEAVY = {"librosa", "torch", "sklearn", "pandas", "matplotlib", "numba", "pydantic", "scipy.stats"}


def _extract_and_look(job: ClipJob, *, recipe: FeatureParameters) -> tuple[int, set[str]]:
    outcome = compute_clip(job, recipe=recipe)
    assert outcome.rows is not None
    return len(outcome.rows), HEAVY & set(sys.modules)


def test_workers_load_neither_librosa_nor_torch_nor_sklearn(tmp_path: Path) -> None:
    recipe = FeatureParameters()
    path = write_wav(tmp_path / "clip.wav", tone(440.0))
    executor = ProcessExecutor(1)
    work = partial(_extract_and_look, recipe=recipe)
    assert list(executor.map(work, [ClipJob(path, None)])) == [(47, set())]
    executor.close()


def test_features_need_neither_torch_nor_librosa(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "clip.wav", tone(440.0))
    program = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['librosa'] = sys.modules['numba'] = None\n"
        "from pathlib import Path\n"
        "from asd_cli.features.computation import ClipJob, compute_clip\n"
        "from asd_cli.features.recipe import FeatureParameters\n"
        "outcome = compute_clip(ClipJob(Path(sys.argv[1]), None), recipe=FeatureParameters())\n"
        "assert outcome.rows is not None and outcome.rows.shape == (47, 128), outcome\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
