"""From rated lines to a frozen document: tax, rounding, postings."""
