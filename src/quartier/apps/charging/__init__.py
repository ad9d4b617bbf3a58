"""Charging stations: which there are, what they said, and who waits to be let in."""
