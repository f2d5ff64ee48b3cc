"""What models are exported as."""

from enum import StrEnum


class ExportFormat(StrEnum):
    """Format of an exported file."""

    ONNX = "onnx"
    PT2 = "pt2"
