"""Meters, devices, registers, plants and batteries."""
