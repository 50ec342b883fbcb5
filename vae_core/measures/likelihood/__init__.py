"""log p(x) and its bounds: sampled, exact, and what lies between."""
