"""A training on a page: its settings, its course, its end and what it learned."""
