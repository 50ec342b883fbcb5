"""What stands behind a figure: explanations and programs."""
