"""Meters on an M-Bus (EN 13757-2 and -3): what a family's file says of records, and reading them.

A telegram names the quantity of each of its records, so most meters need no file of their own: the
family ``mbus_meter`` takes the registers of the medium. Where that is not enough a file, or an
installer, says which record is a register.
"""
