"""M-Bus (EN 13757-2 and -3) for heat, cooling, water and pulse meters, wired.

Bytes to values: ``frames`` (link layer), ``telegram`` (header and records), ``meter`` (which of the
records is a register). Asking: ``bus`` (one device), ``search`` (who is there).
"""
