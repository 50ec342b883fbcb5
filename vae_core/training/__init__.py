"""How it is minimised: settings, learners, and training as a generator."""
