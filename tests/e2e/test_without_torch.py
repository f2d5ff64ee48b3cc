"""Detectors that compute with numpy train, score, evaluate and report where torch is missing."""

import subprocess
import sys
from pathlib import Path

from tests.support.recordings import write_machine

TOP = Path(__file__).resolve().parents[2]
PYTHON = """
import sys
sys.modules["torch"] = sys.modules["librosa"] = None
import asd_cli as asd

if __name__ == "__main__":
    request = asd.RunRequest(settings=asd.Settings(detector="pooled-speed+texture"))
    assert {machine.state for machine in asd.train(request).machines} == {"trained"}
    assert {machine.clips for machine in asd.score(request).machines} == {24}
    found = asd.evaluate(asd.EvaluateRequest(settings=request.settings)).systems[0].evaluation
    assert found.official_score > 0.9, found.official_score
    assert asd.report(asd.ReportRequest(settings=request.settings)).path.is_file()
    loaded = {"torch", "librosa", "sklearn", "pandas", "matplotlib", "numba"} & {
        name for name, module in sys.modules.items() if module is not None
    }
    assert not loaded, loaded
"""
COMMAND_LINE = """
import sys
sys.modules["torch"] = sys.modules["librosa"] = None
from asd_cli.__main__ import main
if __name__ == "__main__":
    main()
"""


def run(program: str, *words: str, folder: Path) -> str:
    path = folder / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, path.name, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_python(tmp_path: Path) -> None:
    for machine in ("fan", "pump"):
        write_machine(tmp_path / "dev_data", machine)
    run(PYTHON, folder=tmp_path)


def test_from_the_command_line(tmp_path: Path) -> None:
    write_machine(tmp_path / "dev_data")
    chosen = ("--detector", "pooled-speed+texture", "-q")
    for verb in ("extract", "train", "score", "report"):
        run(COMMAND_LINE, verb, *(chosen if verb != "extract" else ("-q",)), folder=tmp_path)
    assert float(run(COMMAND_LINE, "evaluate", *chosen, folder=tmp_path)) > 0.9
    run(COMMAND_LINE, "detectors", folder=tmp_path)
    run(COMMAND_LINE, "doctor", folder=tmp_path)
