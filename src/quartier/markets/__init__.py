"""What one country's law fixes, as dated values with their article."""
