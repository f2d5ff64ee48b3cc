"""Parameters of the detector with a pretrained encoder."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from annotated_types import Len

from asd_cli.core.structures import Structure
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.options import DetectorOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions(Structure):
    """The encoder.

    Attributes
    ----------
    checkpoint : str
        Path of a file that `torch.export.save` wrote (``.pt2``), or of an ONNX graph (``.onnx``).
    """

    SECTION: ClassVar[str] = "encoder"

    checkpoint: Annotated[str, Len(0, 4096)] = option(
        "", ".pt2 of torch.export.save, or .onnx: waveforms to embeddings"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedOptions(DetectorOptions):
    """An encoder and a back end."""

    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    backend: BackendOptions = field(default_factory=BackendOptions)
