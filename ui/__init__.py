"""What the pages share: navigation, the model in the sidebar, the visitor's state, pictures."""
