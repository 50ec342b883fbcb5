"""What takes the steps of a training, one gradient or several."""
