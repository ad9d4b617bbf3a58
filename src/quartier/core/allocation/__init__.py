"""Who used whose solar energy; one file a sharing rule."""
