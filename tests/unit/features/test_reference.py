import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asd_cli.core.errors import DataError, UsageError
from asd_cli.features import logmel, reference
from asd_cli.features.reference import compare_with_reference
from tests.support.command import asd


def test_features_equal_librosas() -> None:
    result = asd("doctor", "--reference")
    assert result.exit_code == 0, result.stderr
    assert "largest difference from librosa" in result.stdout
    content = json.loads(asd("doctor", "--reference", "--format", "json").stdout)
    assert content["schema"] == "asd.doctor.reference/1"
    assert len(content["differences_db"]) == 9
    assert 0 < content["largest_difference_db"] <= 1e-3


def test_other_features_are_bad_data(monkeypatch: pytest.MonkeyPatch) -> None:
    right = logmel.log_mel
    monkeypatch.setattr(
        "asd_cli.features.reference.log_mel", lambda *given: right(*given) + np.float32(0.01)
    )
    with pytest.raises(DataError, match="differ from librosa's by 0.01 dB"):
        compare_with_reference()


def test_without_librosa_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa.feature", None)
    with pytest.raises(UsageError, match="librosa cannot be imported") as caught:
        compare_with_reference()
    assert "pip install librosa" in str(caught.value.hint)


def test_numba_gets_a_folder_where_the_packages_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    with reference._writable_numba_cache():
        assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(os, "access", lambda *_: False)
    with reference._writable_numba_cache():
        folder = Path(os.environ["NUMBA_CACHE_DIR"])
        assert folder.is_dir()
    assert not folder.exists()
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_numba_compiles_into_that_folder(tmp_path: Path) -> None:
    (tmp_path / "compiled.py").write_text(
        "import numba\n\n\n@numba.njit('f8(f8)', cache=True)\ndef double(x):\n    return 2 * x\n"
    )
    program = (
        "import os, sys\n"
        "real = os.access\n"
        "os.access = lambda path, mode, **kw: 'librosa' not in str(path) and real(path, mode, **kw)\n"
        "from asd_cli.features.reference import _writable_numba_cache\n"
        "with _writable_numba_cache():\n"
        "    import compiled\n"
        "    assert compiled.double(2.0) == 4.0\n"
        "    assert os.listdir(os.environ['NUMBA_CACHE_DIR'])\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
