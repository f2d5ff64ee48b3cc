"""Models as files that other programs run: ONNX graphs, programs of torch.export, model cards."""
