"""Who lives where since when, at what prices, under what community agreement."""
