"""Steers appliances and charging stations to the sun: every minute, by what flows at the grid
entry (system.md 12). Arithmetic alone; who reads the meter and drives the relays calls it."""
