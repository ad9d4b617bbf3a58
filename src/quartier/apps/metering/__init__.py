"""Readings and intervals: what the meters said, when it was known, and what may still change."""
