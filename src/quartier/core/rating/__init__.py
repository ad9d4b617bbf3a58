"""Usage x prices to lines."""
