"""All arithmetic: plain typed Python, NumPy, Decimal. No Django, no I/O, no clock."""
