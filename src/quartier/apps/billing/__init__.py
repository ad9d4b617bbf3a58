"""Billing runs and the documents they issue."""
