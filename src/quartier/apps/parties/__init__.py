"""Organisations, users, and the parties that are billed or have access."""
