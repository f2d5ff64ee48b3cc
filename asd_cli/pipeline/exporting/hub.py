"""A model as a folder in the layout of the Hugging Face hub; nothing is sent anywhere."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from asd_cli.artifacts.model_file import ModelFacts, ModelFile, model_file_bytes
from asd_cli.core.structures import from_plain, to_plain
from asd_cli.pipeline.exporting.card import Description, card, licence_of
from asd_cli.pipeline.model import Model

MODEL, GRAPH, CONFIG, README = "model.safetensors", "asd.onnx", "config.json", "README.md"
_TAGS = ("anomaly-detection", "audio", "machine-condition-monitoring", "onnx")


def hub_files(
    model: Model, graph: bytes, folder: Path, description: Description
) -> dict[Path, bytes]:
    """Make the files of the folder.

    Parameters
    ----------
    model : Model
        From `published`.
    graph : bytes
        Its ONNX file.
    folder : Path
        Where they go.
    description : Description
        For the card.

    Returns
    -------
    dict of Path to bytes
        The model file of `asd`, the graph, the settings as JSON, and the model card.
    """
    config = {
        "library_name": "asd",
        "detector": model.facts.training.detector,
        "options": _portable(model),
        "card": card(model, description),
    }
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return {
        folder / MODEL: model_file_bytes(ModelFile(model.tensors, model.facts)),
        folder / GRAPH: graph,
        folder / CONFIG: text.encode(),
        folder / README: model_card(model, description).encode(),
    }


def published(model: Model) -> Model:
    """Give a model without the folders of whoever trained it: names of files and folders stay."""
    facts = from_plain(ModelFacts, _without_folders(to_plain(model.facts)))
    return replace(model, facts=facts)


def _without_folders(value: Any) -> Any:
    """Replace absolute paths, wherever they stand, by their last part."""
    if isinstance(value, dict):
        return {key: _without_folders(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_folders(own) for own in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    return value


def _portable(model: Model) -> dict[str, Any]:
    return {key: value for key, value in model.facts.options.items() if key != "device"}


def model_card(model: Model, description: Description) -> str:
    """Write the card: a header that the hub reads, then what people need to know.

    References
    ----------
    Mitchell et al. 2019, "Model Cards for Model Reporting", FAT*.
    """
    facts = card(model, description)
    rates = facts["false_alarm_rate"]
    licence = licence_of(model, description)
    at_most = "not measured" if rates["at_most"] is None else f"{rates['at_most']:.2g}"
    lines = [
        "---",
        "library_name: asd",
        *_licence_lines(licence),
        "tags:",
        *(f"- {tag}" for tag in _TAGS),
        "---",
        "",
        f"# Normal sound of {_one_line(model.machine)}",
        "",
        "Detects anomalous sound of one machine; trained on normal recordings alone.",
        "",
        "| | |",
        "|---|---|",
        *_rows(
            {
                "Machine": model.machine,
                "Detector": facts["detector"],
                "Sample rate": f"{facts['sample_rate_hz']} Hz",
                "Microphone": facts["microphone"],
                "Trained on": _data(facts),
                "False alarms asked for": f"{rates['asked_for']:.2g} of normal clips",
                "At most (95 % of clean streams)": at_most,
                "Smallest rate that the clips show": f"{rates['smallest_shown']:.2g}",
                "Licence": licence,
                "Made by": facts["made_by"],
            }
        ),
        "",
        "## What it cannot detect",
        "",
        *(f"- {limit}" for limit in facts["cannot_detect"]),
        "",
        "## Use",
        "",
        "```",
        f"asd score new.wav --model {MODEL}",
        f"python -m asd_cli.lite {GRAPH} new.wav    # numpy, onnxruntime and soundfile alone",
        "```",
        "",
    ]
    return "\n".join(lines)


def _licence_lines(licence: str) -> list[str]:
    """Give what the hub reads: its own names in lower case, or ``other`` with a name."""
    if licence.isascii() and licence.replace("-", "").replace(".", "").isalnum():
        known = licence.lower()
        if known.startswith(("cc-", "mit", "apache-", "bsd-", "gpl-", "lgpl-", "mpl-")):
            return [f"license: {known}"]
    return ["license: other", f"license_name: {json.dumps(licence, ensure_ascii=False)}"]


def _rows(values: dict[str, str]) -> list[str]:
    return [f"| {name} | {_one_line(value)} |" for name, value in values.items()]


def _data(facts: dict[str, Any]) -> str:
    if "hours" in facts:
        return (
            f"{facts['recordings']} recordings, {facts['normal_clips']} clips, {facts['hours']} h"
        )
    return f"{facts['edition']} {facts['mode']}, {facts['normal_clips']} clips"


def _one_line(text: str) -> str:
    return " ".join(str(text).replace("|", "\\|").split())
