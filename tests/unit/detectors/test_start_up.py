"""What scoring loads: it should answer in little more than the time that importing torch takes."""

import subprocess
import sys

_SCORE = """
import sys
from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector
from asd_cli.detectors.mobilenetv2.network import MobileNetV2
from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
from asd_cli.detectors.options import WindowOptions
from asd_cli.features.recipe import FeatureParameters
from asd_cli.training.devices import deterministic_kernels
from tests.support.features import make_store
import torch
options = MobileNetV2Options(windows=WindowOptions(n_frames=32),
                             features=FeatureParameters(n_mels=64), device="cpu")
detector = MobileNetV2Detector(options)
detector.sections, detector.model = ("00", "01"), MobileNetV2(2).eval()
with deterministic_kernels(1):
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert len(detector.score(make_store()).clips) == 16
loaded = {"torch._dynamo", "torch._inductor", "librosa", "sklearn", "pandas", "matplotlib"}
assert not loaded & set(sys.modules), loaded & set(sys.modules)
"""


def test_scoring_loads_neither_torchs_compiler_nor_what_it_does_not_need() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCORE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
