"""The Hugging Face Hub on the command line."""
