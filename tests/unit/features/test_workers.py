"""What a worker process of extraction loads: it must stay small and start fast."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from asd_cli.core.events import Events
from asd_cli.core.types import Clip
from asd_cli.execution.processes import ProcessExecutor
from asd_cli.features.computation import ClipJob, compute_clip
from asd_cli.features.recipe import FeatureParameters
from tests.support.recordings import tone, write_wav

HEAVY = {"librosa", "torch", "sklearn", "pandas", "matplotlib", "numba", "pydantic", "scipy.stats"}


def _extract_and_look(
    job: ClipJob, _: Events, *, recipe: FeatureParameters
) -> tuple[int, set[str]]:
    outcome = compute_clip(job, recipe=recipe)
    assert outcome.rows is not None
    return len(outcome.rows), HEAVY & set(sys.modules)


def test_workers_load_neither_librosa_nor_torch_nor_sklearn(tmp_path: Path) -> None:
    recipe = FeatureParameters()
    path = write_wav(tmp_path / "clip.wav", tone(440.0))
    executor = ProcessExecutor(1)
    work = partial(_extract_and_look, recipe=recipe)
    jobs = [ClipJob(Clip(path=path, machine="fan"), None)] * 2
    assert [o.result for o in executor.submit(work, jobs, long=True)] == [(47, set())] * 2
    executor.close()


def test_features_need_neither_torch_nor_librosa(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "clip.wav", tone(440.0))
    program = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['librosa'] = sys.modules['numba'] = None\n"
        "from pathlib import Path\n"
        "from asd_cli.core.types import Clip\n"
        "from asd_cli.features.computation import ClipJob, compute_clip\n"
        "from asd_cli.features.recipe import FeatureParameters\n"
        "clip = Clip(path=Path(sys.argv[1]), machine='fan')\n"
        "outcome = compute_clip(ClipJob(clip, None), recipe=FeatureParameters())\n"
        "assert outcome.rows is not None and outcome.rows.shape == (47, 128), outcome\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
