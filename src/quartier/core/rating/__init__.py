"""Usage x prices to lines: price sheets, their time windows, and what they cost."""
