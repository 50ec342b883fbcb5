"""What comes of it: `evaluate`, and all that is measured of models, codes and images."""
