"""Device families as data: a folder each, with ``driver.toml`` and captured frames.

    <family>/driver.toml    what the device is, where each register stands, and who says so
    <family>/captures/      frames of real devices with the readings they must give
    <family>/made/          frames that nobody captured: made from the register map itself

A folder is the whole of it; no list names it. The code here reads such folders: ``catalog`` finds
them, ``head`` and ``fields`` read what every family has, and the package of the protocol that a
family names (``modbus``) reads the rest. The format is described in docs/guides/driver-file.md.
"""
