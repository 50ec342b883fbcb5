"""The latent plane outside the app: in a page of its own, and in notebooks."""
