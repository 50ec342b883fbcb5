"""What codes are worth: their density, factors, classes, clusters."""
