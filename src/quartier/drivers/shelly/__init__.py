"""Shelly devices: a family's file says which place in the status of a device is which register."""
