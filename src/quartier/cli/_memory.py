"""How the process treats its memory: freed arrays are kept, and garbage is looked for rarely.

A year of quarter-hours is arrays of a few MB, made and freed again and again. glibc takes each of
them from the kernel and gives it back, and the kernel clears every page before it hands it out
the next time: about a quarter of the time of reading and sharing the quarter-hours of a site
(stack.md, allocation). What a process held at its peak it then keeps until it ends.

Python looks for cycles each time 700 objects more were made than freed. What a bill of a building
makes stays, and has hardly a cycle: looking took 2 % of the time with 50 households, 9 % with 500.
"""

import ctypes
import gc
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_TRIM_BYTES = 2**31 - 1  # the largest int
_MMAP_BYTES = (2**30, 2**25)  # some versions of glibc refuse more than 32 MiB
_OBJECTS_BEFORE_A_LOOK = 10_000
"""A few MB of garbage at most, where 700 is the default."""


def look_for_garbage_rarely() -> None:
    """Have cycles looked for after 10,000 new objects instead of 700."""
    gc.set_threshold(_OBJECTS_BEFORE_A_LOOK, *gc.get_threshold()[1:])


def keep_freed_memory() -> bool:
    """Have arrays come from memory that is kept; whether it is so.

    It is not where the C library has no ``mallopt`` (musl, macOS), nor where the environment says
    how to allocate (``MALLOC_MMAP_THRESHOLD_``), which goes first.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return False
    return any(libc.mallopt(_M_MMAP_THRESHOLD, size) for size in _MMAP_BYTES) and bool(
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    )
