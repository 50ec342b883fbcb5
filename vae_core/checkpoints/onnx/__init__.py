"""Networks from other programs as ONNX: bytes from anywhere, run where they can harm nobody."""
