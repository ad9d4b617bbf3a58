"""Sites, buildings, billing points, stakeholders, notes and issues."""
