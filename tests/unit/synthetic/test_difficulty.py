"""The set is neither trivial nor impossible for a plain nearest neighbour on pooled log-mel."""

from typing import Any

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from asd_cli.core.types import Domain, Mode, Split
from asd_cli.synthetic.machines.registry import MODELS
from asd_cli.synthetic.plan import PlannedClip, SyntheticPlan, plan_clips
from asd_cli.synthetic.rendering import render_clip


def pooled_log_mel(plan: SyntheticPlan, clip: PlannedClip) -> NDArray[np.floating[Any]]:
    y = render_clip(plan, clip).y
    mel = librosa.feature.melspectrogram(
        y=y, sr=16000, n_fft=1024, hop_length=512, n_mels=128, pad_mode="reflect"
    )
    level = 10 * np.log10(np.maximum(mel, 2.220446e-16))
    return np.concatenate([level.mean(axis=1), level.max(axis=1)])


def mean_aucs(plan: SyntheticPlan) -> tuple[float, float]:
    """AUC of the source and of the target domain, each the mean of the sections."""
    clips = plan_clips(plan, Mode.DEV)
    aucs: dict[Domain, list[float]] = {Domain.SOURCE: [], Domain.TARGET: []}
    for section in sorted({clip.section for clip in clips}):
        own = [clip for clip in clips if clip.section == section]
        train = np.stack([pooled_log_mel(plan, c) for c in own if c.split is Split.TRAIN])
        for domain, found in aucs.items():
            scores: dict[bool, list[float]] = {False: [], True: []}
            for clip in own:
                if clip.split is Split.TEST and clip.domain is domain:
                    distances = np.linalg.norm(train - pooled_log_mel(plan, clip), axis=1)
                    scores[clip.fault is not None].append(float(distances.min()))
            found.append(float(np.mean(np.greater.outer(scores[True], scores[False]))))
    return float(np.mean(aucs[Domain.SOURCE])), float(np.mean(aucs[Domain.TARGET]))


@pytest.mark.slow
@pytest.mark.parametrize("machine", MODELS)
def test_nearest_neighbour_auc_is_between_chance_and_perfect(machine: str) -> None:
    plan = SyntheticPlan(machines=(machine,), test_normal=12, test_anomaly=12)
    source, target = mean_aucs(plan)
    assert 0.65 < source < 0.98
    assert 0.52 < target < 0.95
    assert target < source
