"""A model outside PyTorch: as steps and bytes for a browser, as ONNX, for TensorBoard."""
