"""The program in the meter room: reads meters, drives relays, keeps what it read until the
platform has it. Base only: no Django, no NumPy; it runs on a 32-bit board."""
