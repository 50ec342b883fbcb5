"""What carries a model out of PyTorch: its arithmetic as a list of steps, its weights as bytes."""
