"""The kinds of price component, one file each: energy, power peak, fixed fee, volume."""
