"""A user's own images: a folder, a zip, arrays."""
