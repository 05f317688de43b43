"""A stop while a set is drawn: one line, its status, no process left, nothing half-made."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stop_while_drawing(number, tmp_path):
    def heard():  # a shell's background jobs ignore interrupts, and so would what they start
        signal.signal(signal.SIGINT, signal.default_int_handler)

    words = ["data", "make", "drawn", "--preset", "paper", "--data-root", str(tmp_path)]
    drawing = subprocess.Popen(
        [sys.executable, "-c", "from fgnb.cli import app; app()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heard,
    )
    end = time.monotonic() + 120
    while not list(tmp_path.rglob("*.jpg")):
        assert drawing.poll() is None, drawing.communicate()
        assert time.monotonic() < end, "it did not get there"
        time.sleep(0.05)
    below = psutil.Process(drawing.pid).children(recursive=True)
    begun = time.monotonic()
    os.killpg(drawing.pid, number)  # as a terminal does
    _, err = drawing.communicate(timeout=60)
    assert time.monotonic() - begun < 5
    assert drawing.returncode == 128 + number
    (line,) = err.splitlines()
    assert line.startswith("stopped at class ")
    assert line.endswith(" of drawn pictures; run the same command again to go on")
    assert psutil.wait_procs(below, 2)[1] == []
    assert not list(tmp_path.rglob("drawn.json"))
