"""What of a model's latent space is in view, remembered for all pages and in the address."""
