"""What is published of a model."""

import json
from dataclasses import replace

import numpy as np

from asd_cli.artifacts.manifest import TrainingRecord
from asd_cli.artifacts.model_file import ModelFacts
from asd_cli.core.structures import to_plain
from asd_cli.pipeline.exporting.card import Description, licence_of
from asd_cli.pipeline.exporting.hub import _licence_lines, published
from asd_cli.pipeline.model import Model

RECORD = TrainingRecord(
    detector="pretrained", seed=1, threads=None, settings={"encoder.checkpoint": "/home/me/e.pt2"},
    features="", data="", versions={},
)  # fmt: skip
FACTS = ModelFacts(
    machine="fan", training=RECORD, state={"sections": ["00"]},
    options={"encoder": {"checkpoint": "/home/me/e.pt2"}, "speeds": [0.95, 1.05]},
    identity={"sources": ["/home/me/recordings", "relative/folder"]},
)  # fmt: skip


def test_absolute_paths_become_names_wherever_they_stand() -> None:
    model = Model({"x": np.zeros(1)}, FACTS)
    plain = to_plain(published(model).facts)
    assert "/home" not in json.dumps(plain)
    assert plain["options"] == {"encoder": {"checkpoint": "e.pt2"}, "speeds": [0.95, 1.05]}
    assert plain["identity"]["sources"] == ["recordings", "relative/folder"]


def test_licences_are_those_of_the_maker_or_of_the_data() -> None:
    own, challenge = Model({}, FACTS), Model({}, replace(FACTS, edition="dcase2021"))
    assert licence_of(own, Description()) == "unstated"
    assert licence_of(challenge, Description()) == "CC-BY-NC-SA-4.0"
    assert licence_of(challenge, Description(licence="MIT")) == "MIT"
    assert _licence_lines("CC-BY-NC-SA-4.0") == ["license: cc-by-nc-sa-4.0"]
    assert _licence_lines("ours alone") == ["license: other", 'license_name: "ours alone"']
