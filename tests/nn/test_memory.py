"""A process that keeps what it frees pays for a tensor's pages once."""

import platform
import subprocess
import sys

import pytest

PAGES = """
import resource, sys, torch
if sys.argv[1] == "keep":
    from fgnb.nn.memory import keep_freed_memory
    keep_freed_memory()
for _ in range(10):
    torch.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    command = [sys.executable, "-c", PAGES, mode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's")
def test_the_next_tensor_takes_the_pages_of_the_last():
    assert faults("keep") * 10 < faults("give back")
