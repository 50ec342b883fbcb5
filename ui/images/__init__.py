"""Images on a page: rows of them, the one chosen, the visitor's own."""
