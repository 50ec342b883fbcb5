"""What a model is: encoder, decoder, likelihood, prior; networks and likelihoods by name."""
