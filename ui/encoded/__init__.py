"""What the page Encoded μ shows: of which images, filtered how, embedded by what."""
