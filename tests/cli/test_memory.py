"""Freed memory stays in the process, and garbage is found, if later."""

import ctypes
import os
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from quartier.cli._memory import keep_freed_memory

kept = keep_freed_memory() if sys.argv[1] == "keep" else False

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        [np.ones(6_000_000 // 8, np.int64) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(int(kept), faults())
"""


def run(word, **environment):
    environment = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, word],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, faults = done.stdout.split()
    return kept == "1", int(faults)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt"
)
def test_arrays_are_no_new_memory_the_second_time():
    kept, faults = run("keep")
    assert kept
    assert faults < 20


def test_what_the_environment_says_goes_first():
    assert run("keep", MALLOC_MMAP_THRESHOLD_="131072")[0] is False


CYCLES = """
import gc, weakref
from quartier.cli._memory import look_for_garbage_rarely

class Ring:
    def __init__(self):
        self.me = self

look_for_garbage_rarely()
looks = gc.get_stats()[0]["collections"]
rings = weakref.WeakSet()
most = 0
for _ in range(60_000):
    rings.add(Ring())
    most = max(most, len(rings))
print(most, gc.get_stats()[0]["collections"] - looks)
"""


def test_garbage_is_looked_for_rarely_but_found():
    done = subprocess.run(
        [sys.executable, "-c", CYCLES], capture_output=True, text=True, check=True
    )
    most, looks = map(int, done.stdout.split())
    assert most <= 10_000
    assert 1 <= looks <= 60
