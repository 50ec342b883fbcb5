"""What frames every page: navigation, the model in the sidebar, who the visitor is and may do."""
