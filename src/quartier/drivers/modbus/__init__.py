"""Families that speak Modbus: their part of ``driver.toml``, the plan of requests, the reading."""
