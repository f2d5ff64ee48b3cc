"""The network of a model as a program of `torch.export`, for torch without our code."""

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asd_cli.core.errors import UsageError
from asd_cli.detectors.plans import parse_detector
from asd_cli.detectors.spec import Runtime
from asd_cli.pipeline.exporting.card import Description, card
from asd_cli.pipeline.model import Model

if TYPE_CHECKING:
    from asd_cli.training.exported_networks import Network

CARD = "asd.json"
"""Name of the card inside the file: `torch.export.load` gives it with ``extra_files``."""


def network_program(model: Model, description: Description) -> bytes:
    """Write the network of a model.

    It takes what the network takes, for any number of inputs at once: features, distances and the
    decision are in the ONNX file alone.

    Parameters
    ----------
    model : Model
        Of a detector with one network.
    description : Description
        For the card.

    Returns
    -------
    bytes
        What `torch.export.load` reads.

    Raises
    ------
    UsageError
        When the detector has no network, or several.
    """
    found = _networks(model)
    name = model.facts.training.detector
    if len(found) != 1:
        raise UsageError(
            f"{name} has {len(found) or 'no'} network{'s' if found else ''}, and a .pt2 file holds "
            "one",
            hint="write all of the model as ONNX: leave --format out",
        )
    import torch

    from asd_cli.training.exported_networks import export_program

    (network,) = found
    about = {**card(model, description), "takes": network.takes, "gives": network.gives}
    content = io.BytesIO()
    torch.export.save(
        export_program(network), content,
        extra_files={CARD: json.dumps(about, ensure_ascii=False, sort_keys=True)},
    )  # fmt: skip
    return content.getvalue()


def _networks(model: Model) -> "Sequence[Network]":
    """Give the networks of a model; none where its detector computes without torch."""
    if parse_detector(model.facts.training.detector).runtime is Runtime.NUMPY:
        return ()
    from asd_cli.training.exported_networks import HasNetworks

    detector = model.restore()
    return detector.networks() if isinstance(detector, HasNetworks) else ()
