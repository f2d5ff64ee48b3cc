"""Every setting arrives: two runs that differ in it alone differ in what they write.

Settings that must not matter are listed, and so is what is tested elsewhere; a new setting that is
on no list fails the last test.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import asd_cli as asd
from asd_cli.settings.keys import shared_keys
from tests.support.encoders import write_encoder
from tests.support.recordings import write_machine

_FOLDER = TemporaryDirectory()
NETWORK = {
    "feature.n_mels": 64, "feature.n_frames": 32, "feature.n_hop_frames": 4,
    "feature.score_hop_frames": 4, "fit.lr": 1e-3, "fit.epochs": 2, "fit.batch_size": 8,
    "fit.batch_norm": "recalibrate",
}  # fmt: skip
JOINT = {
    "fit.epochs": 1, "fit.batch_size": 8, "discriminative.resolutions": [256],
    "discriminative.sub_clusters": 2, "discriminative.min_batches": 3,
}  # fmt: skip
BASES: dict[str, Mapping[str, Any]] = {
    "pooled-knn": {"feature.resample": True},
    "mobilenetv2": NETWORK,
    "discriminative": JOINT,
    "pooled-knn+pooled-gmm": {},
    "pooled-gmm": {},
}
# Detector, setting, another value, and what else is set in both runs.
CASES: list[tuple[str, str, Any, Mapping[str, Any]]] = [
    ("pooled-knn", "feature.sample_rate", 8000, {}),
    ("pooled-knn", "feature.n_mels", 64, {}),
    ("pooled-knn", "feature.n_fft", 512, {"feature.n_mels": 40}),
    ("pooled-knn", "feature.hop_length", 256, {}),
    ("pooled-knn", "feature.power", 1.0, {}),
    ("pooled-knn", "feature.pad_mode", "constant", {}),
    ("pooled-knn", "feature.scale", "linear", {}),
    ("pooled-knn", "pooling.kind", "max", {}),
    ("pooled-knn", "pooling.decay", 0.5, {}),
    ("pooled-knn", "pooling.speeds", [1.1], {}),
    ("pooled-knn", "pooling.max_perturbed", 2, {"pooling.speeds": [1.1]}),
    ("pooled-knn", "backend.kind", "mahalanobis", {}),
    ("pooled-knn", "backend.distance", "cosine", {}),
    ("pooled-knn", "backend.neighbors", 2, {}),
    ("pooled-knn", "backend.components", 2, {"backend.kind": "kmeans"}),
    ("pooled-knn", "backend.references", "machine", {}),
    ("pooled-knn", "backend.domains", "own", {}),
    ("pooled-knn", "backend.smote", 1.0, {}),
    ("pooled-knn", "backend.density", 2, {}),
    ("pooled-knn", "seed", 2, {"backend.smote": 1.0}),
    ("pooled-knn", "decision_threshold", 0.3, {}),
    ("pooled-knn", "threshold", "gamma", {}),
    ("pooled-knn", "threshold_groups", "machine", {}),
    ("mobilenetv2", "feature.n_frames", 40, {}),
    ("mobilenetv2", "feature.n_hop_frames", 5, {}),
    ("mobilenetv2", "feature.score_hop_frames", 3, {}),
    ("mobilenetv2", "fit.lr", 2e-3, {}),
    ("mobilenetv2", "fit.epochs", 1, {}),
    ("mobilenetv2", "fit.batch_size", 7, {}),
    ("mobilenetv2", "fit.shuffle", False, {}),
    ("mobilenetv2", "fit.validation_split", 0.3, {}),
    ("mobilenetv2", "fit.validation", "stratified", {"fit.validation_split": 0.3}),
    ("mobilenetv2", "fit.batch_norm", "reference", {}),
    ("mobilenetv2", "fit.precision", "bf16", {}),
    ("mobilenetv2", "score", "log_odds", {}),
    ("mobilenetv2", "seed", 2, {}),
    ("discriminative", "discriminative.resolutions", [128], {}),
    ("discriminative", "discriminative.sub_clusters", 3, {}),
    ("discriminative", "discriminative.mixup", 0.0, {}),
    ("discriminative", "discriminative.speed", 0.2, {}),
    ("discriminative", "discriminative.feature_exchange", False, {}),
    ("discriminative", "discriminative.min_batches", 4, {}),
    ("discriminative", "discriminative.members", 2, {}),
    ("pooled-knn+pooled-gmm", "ensemble.weights", [1, 3], {}),
    ("pooled-knn+pooled-gmm", "ensemble.normalization", "rank", {}),
    ("pooled-knn+pooled-gmm", "ensemble.combination", "soft_maximum", {}),
    ("pooled-knn+pooled-gmm", "ensemble.groups", "machine", {}),
]
MUST_NOT_MATTER = {"fit.verbose", "fit.compile.optimizer", "feature.resample"}
# Which channel: tests/unit/audio; candidates: tests/unit/services/test_selection.py; the encoder below.
ELSEWHERE = {"feature.channel", "select.candidates", "encoder.checkpoint"}


@cache
def recordings() -> Path:
    folder = Path(_FOLDER.name) / "data"
    write_machine(folder, train=5, test=2, seconds=1.3)
    return folder


@cache
def outputs(detector: str, settings: str) -> str:
    """Everything that a run writes into tables, and what evaluate says of it."""
    place = Path(_FOLDER.name) / str(abs(hash((detector, settings))))
    given = json.loads(settings)
    chosen = asd.Settings(
        detector=detector,
        dev_directory=recordings(),
        cache_directory=Path(_FOLDER.name) / "cache",
        model_directory=place / "model",
        result_directory=place / "result",
        **{key: given.pop(key) for key in ("seed",) if key in given},
        parameters=given,
    )
    request = asd.RunRequest(settings=chosen, jobs=1, device="cpu")
    asd.train(request)
    scored = asd.score(request).machines
    found = asd.evaluate(asd.EvaluateRequest(settings=chosen)).systems[0].evaluation
    tables = [p.read_text() for p in sorted((place / "result").rglob("*_test.csv"))]
    thresholds = [repr(machine.threshold) for machine in scored]
    return "\n".join([*tables, *thresholds, repr(found.rows), repr(found.official_score)])


def run(detector: str, settings: Mapping[str, Any]) -> str:
    return outputs(detector, json.dumps({**BASES[detector], **settings}, sort_keys=True))


@pytest.mark.parametrize(
    ("detector", "key", "value", "both"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES]
)
def test_a_setting_matters(detector: str, key: str, value: Any, both: Mapping[str, Any]) -> None:
    assert run(detector, both) != run(detector, {**both, key: value})


def test_resampling_of_recordings_that_have_the_rate_does_not_matter() -> None:
    assert run("pooled-gmm", {}) == run("pooled-gmm", {"feature.resample": True})


def test_the_encoder_matters() -> None:
    found = []
    for seed in (1, 2):
        path = write_encoder(Path(_FOLDER.name) / f"encoder{seed}.pt2", seed=seed)
        BASES["pretrained"] = {"encoder.checkpoint": str(path)}
        found.append(run("pretrained", {}))
    assert found[0] != found[1]


def test_the_rate_of_false_alarms_matters(tmp_path: Path) -> None:
    run("pooled-knn", {})
    # The recordings are told apart without an error; scores made up here are not.
    for table in sorted(Path(_FOLDER.name).rglob("anomaly_score_*_test.csv"))[:4]:
        rows = table.read_text().splitlines()
        text = "".join(f"{row.split(',')[0]},{i * 7 % 12}\n" for i, row in enumerate(rows))
        (tmp_path / table.name).write_text(text)
    found = [
        asd.evaluate(
            asd.EvaluateRequest(
                settings=asd.Settings(dev_directory=recordings(), max_fpr=rate),
                folders=(tmp_path,),
            )
        ).systems[0].evaluation.official_score
        for rate in (0.1, 0.5)
    ]  # fmt: skip
    assert found[0] != found[1]


def test_every_setting_is_on_a_list() -> None:
    tried = {key for _, key, _, _ in CASES} - {"seed"}
    assert tried | MUST_NOT_MATTER | ELSEWHERE == set(shared_keys())
    assert not tried & (MUST_NOT_MATTER | ELSEWHERE)
