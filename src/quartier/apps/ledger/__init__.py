"""The books: entries that balance and are never changed."""
