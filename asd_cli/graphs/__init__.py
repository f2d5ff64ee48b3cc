"""Computation graphs in the ONNX format, written like array expressions."""
