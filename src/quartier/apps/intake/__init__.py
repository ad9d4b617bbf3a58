"""Data that arrives as files: archived first, then read, merged into the store, or quarantined."""
