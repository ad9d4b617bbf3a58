"""Who may see what: one scoping layer and one table."""
