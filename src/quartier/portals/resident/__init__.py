"""Pages of a resident: their own consumption, cost so far and invoices, and nothing else."""
