"""Entries that balance."""
