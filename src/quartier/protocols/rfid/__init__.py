"""Badges: what readers give of them, and how two notations are known to be the same badge."""
