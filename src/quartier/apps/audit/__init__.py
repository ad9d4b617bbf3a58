"""What was done by whom: an append-only trail."""
