"""Entries that balance, reversal, and the check of a ledger."""
