"""Alarms: what is wrong with the meters of a site, who is told, and who takes care of it."""
