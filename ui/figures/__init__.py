"""What pages draw besides planes and images."""
