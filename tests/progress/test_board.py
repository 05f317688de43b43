"""Where work stands, in words, and who is told of it when: time is a number that tests set."""

import io
import os
import threading
import time

import pytest

from fgnb.progress import Stopped, board, displays, follow
from fgnb.progress.board import Board
from fgnb.progress.words import State, Task


@pytest.fixture
def clock():
    return SetClock()


class SetClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def own(clock, monkeypatch):
    """A board of its own in place of the process's, with that clock."""
    made = Board(clock)
    monkeypatch.setattr(board, "_board", made)
    return made


def test_nested_tasks_are_one_line_with_the_time_left(own, clock):
    with board.task("ccfr/global"), board.task("the frozen trunk's maps"):
        counted = board.track(range(10), "picture", 10)
        next(counted)
        clock.now += 30
        assert own.state().status == (
            "ccfr/global, the frozen trunk's maps, picture 0 of 10, 30 s so far"
        )
        next(counted)
        state = own.state()
        assert state.status.endswith("picture 1 of 10, 4 min left")
        assert state.where == "picture 1 of 10 of the frozen trunk's maps of ccfr/global"
        assert state.share == 0.1
        counted.close()
    assert own.state() == State()


def test_a_stage_inside_of_another_is_named_alone(own):
    with board.task("ccfr/regions", alone=True), board.task("the start of a head"):
        with board.task("ccfr/regions, stage 1 of 2 (ccfr/global)", alone=True):
            assert own.state().status.startswith("ccfr/regions, stage 1 of 2 (ccfr/global), 0 s")
        assert own.state().where == "the start of a head of ccfr/regions"


def test_a_last_batch_that_is_smaller_counts_as_it_is(own):
    seen = []
    for _ in board.track(range(0, 10, 4), "picture", 10, size=4):
        seen.append(own.tasks[-1].done)
    assert seen == [0, 4, 8]
    assert own.tasks == []


def test_a_count_that_is_left_half_way_leaves_nothing(own):
    outer = board.task("outer")
    outer.__enter__()
    half = board.track(range(3), "picture", 3)
    next(half)
    outer.__exit__(None, None, None)
    assert [task.unit for task in own.tasks] == ["picture"]
    half.close()
    assert own.tasks == []


@pytest.mark.parametrize("steps", [1, 3, 17, 59])
def test_a_log_has_a_line_a_minute_whatever_the_steps(own, clock, steps):
    """Steps of any length up to a minute, and silence, over ten minutes of work."""
    written = []
    log = displays.Lines(lambda text: written.append(clock.now))
    own.displays = (log,)
    with board.task("work"):
        for second in range(600):
            clock.now += 1
            if second % steps == 0 or second > 300:
                board.moved()
            own.moved()  # the thread's beat
    gaps = [b - a for a, b in zip([100.0, *written], [*written, 700.0], strict=True)]
    assert max(gaps) <= 60
    assert len(written) <= 20


def test_the_thread_beats_while_the_work_is_silent(own, monkeypatch):
    """With a clock that runs, work that never calls: lines come all the same."""
    monkeypatch.setattr(board, "BEAT", 0.01)
    written, enough = [], threading.Event()

    def write(text):
        written.append(text)
        enough.set()

    with own.shown(displays.Lines(write, every=0.0)), own.task("sums"):
        written.clear()
        enough.clear()
        assert enough.wait(10)
    assert written[0].startswith("sums, ")
    assert own.displays == ()


def test_notes_are_lines_of_their_own_and_put_off_the_next(own, clock):
    written = []
    own.displays = (displays.Lines(written.append),)
    with board.task("work"):
        clock.now += 29
        board.note("epoch 1")
        clock.now += 20
        board.moved()
        clock.now += 29
        board.moved()
    assert written == ["epoch 1"]
    own.displays = ()
    assert not board.note("nobody")


def test_a_terminals_line_is_rewritten_and_taken_away(own, clock):
    stream = io.StringIO()
    with own.shown(displays.Bar(stream)):
        with board.task("work"):
            for _ in board.track(range(4), "step", 4):
                clock.now += 1
            board.note("epoch 1 of 1")
        parts = stream.getvalue().split("\r\x1b[K")
    assert any(part.startswith("[####            ]  25 %  work, step 1 of 4, ") for part in parts)
    assert "epoch 1 of 1\n" in parts
    assert stream.getvalue().endswith("\r\x1b[K") or parts[-1] == "epoch 1 of 1\n"


def test_a_narrow_terminal_keeps_name_and_time(own):
    text = "ccfr/regions, stage 2 of 4 (ccfr/global), step 1 of 9, loss 1.2, 3 min left"
    for width in range(20, 90):
        short = displays.fitted(text, width)
        assert len(short) <= width
        assert short == text or width < len(text)
    assert displays.fitted(text, 40).endswith("3 min left")
    assert displays.fitted(text, 40).startswith("ccfr/regions, ")


def test_an_interrupt_says_where_it_was(own):
    def work():
        with board.task("ccfr/global", kept="what is trained is kept"):
            for done in board.track(range(400), "step", 400):
                if done == 40:
                    raise KeyboardInterrupt

    with pytest.raises(Stopped) as caught:
        work()
    line = "stopped at step 40 of 400 of ccfr/global; what is trained is kept, "
    assert str(caught.value) == line + "run the same command again to go on"
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value._render_traceback_() == [str(caught.value)]


def test_other_errors_are_left_alone(own):
    with pytest.raises(ValueError, match="mine"), board.task("work"):
        raise ValueError("mine")
    assert own.tasks == []


def test_a_process_above_shows_what_one_below_tells(own, clock, tmp_path, capsys):
    place, below = tmp_path / "progress", Board(clock)
    written = []
    own.displays = (displays.Lines(written.append, every=1.0),)
    with board.task("a/page", "cell", 9, timed=False) as entry:
        entry.done, told = 2, follow.Told(str(place))
        with follow.following(place, entry), below.shown(told), below.task("ccfr/global") as task:
            task.kept = "what is trained is kept"
            below.note("epoch 1", page=True)
            below.note("found in the store", page=False)
            task.total, task.unit, task.done = 400, "step", 40
            clock.now += 5
            below.moved()
            end = time.monotonic() + 10
            while not entry.inside.startswith("step 40") and time.monotonic() < end:
                time.sleep(0.01)
            state = own.state()
    assert written[:2] == ["epoch 1", "found in the store"]
    assert capsys.readouterr().out == "epoch 1\n"  # what stands on the page
    assert state.status.startswith("a/page, cell 2 of 9, ccfr/global, step 40 of 400, 45 s left")
    assert state.where == "cell 2 of 9 of a/page, step 40 of 400 of ccfr/global"
    assert state.kept == "what is trained is kept"


def test_where_nobody_can_be_told_the_work_goes_on(own, tmp_path):
    with own.shown(follow.Told(str(tmp_path / "gone" / "progress"))), board.task("work"):
        board.note("still here", page=False)


def test_a_forked_process_is_silent(own):
    written = []
    own.displays = (displays.Lines(written.append, every=0.0),)
    read, write = os.pipe()
    with board.task("work"):
        own.lock.acquire()  # as another thread might hold it just then
        if (pid := os.fork()) == 0:
            with board.task("inside"):
                os.write(write, b"1" if board.standing() else b"0")
            os._exit(0)
        own.lock.release()
        os.waitpid(pid, 0)
    assert os.read(read, 1) == b"0"


def test_time_left_waits_for_a_first_step():
    task = Task("", 0.0, "step", 10, done=4)
    assert task.left(50.0) is None
    task.done = 6
    assert task.left(50.0) == 100.0
