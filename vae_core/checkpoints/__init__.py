"""What is kept of a model: folders of safetensors and JSON, read, written, zipped, described."""
