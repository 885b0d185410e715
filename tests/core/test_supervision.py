"""Children that should always run: each started once, started again when it ends, and ended with the others."""

import sys
import threading
import time

from loa.supervision import Child, Supervisor

_LASTING = (sys.executable, "-c", "import time; time.sleep(120)")


def eventually(question, seconds=60):
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return answer


class Watched(Supervisor):
    """Looks after its children in the very moment in which one is being started, as another thread may."""

    def __init__(self):
        super().__init__()
        self.begun = []

    def _start(self, child: Child) -> None:
        self.begun.append(child.name)
        if len(self.begun) == 1:
            for each in list(self._children):
                self._watch(each)
        super()._start(child)


def test_a_child_that_is_added_while_others_are_watched_is_started_once():
    supervisor = Watched()
    child = supervisor.add("station", _LASTING)
    assert supervisor.begun == ["station"]
    child.process.kill()
    child.process.wait(20)


def test_a_child_that_ends_is_started_again_and_all_end_together():
    supervisor = Supervisor()
    short = supervisor.add("short", (sys.executable, "-c", "pass"))
    lasting = supervisor.add("lasting", _LASTING)
    first, other = short.process, lasting.process
    watching = threading.Thread(target=supervisor.run)
    watching.start()
    eventually(lambda: short.process not in {None, first})
    supervisor._stopping.set()
    watching.join(60)
    assert not watching.is_alive()
    assert other.returncode is not None


def test_a_child_that_is_added_when_all_is_ending_does_not_stay():
    supervisor = Supervisor()
    supervisor._stopping.set()
    assert supervisor.add("late", _LASTING).process.wait(20) != 0
