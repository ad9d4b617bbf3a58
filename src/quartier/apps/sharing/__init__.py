"""Who used whose solar energy, from stored intervals; frozen once it was billed."""
