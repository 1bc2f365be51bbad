"""Work handed to workers that die: nothing lost, nothing twice, two tasks each at most."""

from concurrent.futures import Future

import pytest

from pdgrad_core.albums.executors.dispatch import (
    AT_ONCE,
    ATTEMPTS,
    Dispatcher,
    GivenUp,
    Staff,
    Worker,
    WorkerLostError,
)
from pdgrad_core.errors import PDGradError


class Mate(Worker):
    """Does tasks when the staff says so; dies at tasks named "deadly", or when it is told to."""

    def __init__(self):
        self.tasks, self.most = [], 0

    def submit(self, task):
        future = Future()
        self.tasks.append((task, future))
        self.most = max(self.most, len(self.tasks))
        return future


class Mates(Staff):
    """Each question for workers lets the one who has most to do finish its oldest task."""

    def __init__(self, workers, dies_at=(), replaced=True):
        self.mates = [Mate() for _ in range(workers)]
        self.everybody = list(self.mates)
        self.dies_at, self.replaced, self.done, self.losses = set(dies_at), replaced, 0, 0

    def at_work(self):
        if not self.mates:
            raise PDGradError("nobody is left")
        return self.mates

    def lose(self, worker, reason):
        assert reason == "gone"
        self.losses += 1
        self.mates.remove(worker)
        if self.replaced:
            self.mates.append(Mate())
            self.everybody.append(self.mates[-1])

    def coming(self):
        # Asked before every wait: somebody finishes, so that there is something to wait for.
        mate = max(self.mates, key=lambda one: len(one.tasks))
        self.done += 1
        task, future = mate.tasks[0]
        if self.done in self.dies_at or "deadly" in task:
            for _, one in mate.tasks:
                one.set_exception(WorkerLostError("gone"))
        else:
            mate.tasks.pop(0)
            future.set_result(task.upper() if isinstance(task, str) else list(task))
        return []


def test_every_task_is_answered_once_whoever_dies():
    for moment in range(1, 12):
        staff = Mates(2, dies_at={moment})
        tasks = [f"task {number}" for number in range(10)]
        found = list(Dispatcher(tasks, staff))
        assert sorted(task for task, _ in found) == sorted(tasks)
        assert all(answer == task.upper() for task, answer in found)
        assert staff.losses == (moment <= staff.done)


def test_tasks_are_only_asked_for_when_somebody_is_free():
    asked = []

    def tasks():
        for number in range(20):
            asked.append(number)
            yield f"task {number}"

    staff = Mates(3)
    for count, _ in enumerate(Dispatcher(tasks(), staff), start=1):
        assert len(asked) <= count + 3 * AT_ONCE
    assert max(mate.most for mate in staff.everybody) == AT_ONCE


def test_a_task_that_ends_its_workers_is_given_up_and_no_other():
    staff = Mates(2)
    tasks = ["a", "deadly", *"bcdef"]
    found = dict(Dispatcher(tasks, staff))
    assert set(found) == set(tasks)
    assert isinstance(found.pop("deadly"), GivenUp)
    assert all(answer == task.upper() for task, answer in found.items())
    assert staff.losses == ATTEMPTS


def test_a_batch_that_ends_its_workers_is_tried_in_parts():
    staff = Mates(1)
    batches = [("good", "deadly"), ("fine",)]
    found = list(Dispatcher(batches, staff, lambda batch: [(one,) for one in batch]))
    answers = dict(found)
    assert isinstance(answers.pop(("deadly",)), GivenUp)
    assert answers == {("good",): ["good"], ("fine",): ["fine"]}


def test_where_nobody_is_left_it_ends_with_a_sentence():
    staff = Mates(2, dies_at={2, 3}, replaced=False)
    with pytest.raises(PDGradError, match="nobody is left"):
        list(Dispatcher([f"task {number}" for number in range(9)], staff))


def test_an_error_of_the_work_itself_is_nobodys_loss():
    staff = Mates(1)
    work = Dispatcher(["a"], staff)
    staff.coming = lambda: staff.mates[0].tasks[0][1].set_exception(ValueError("bug")) or []
    with pytest.raises(ValueError, match="bug"):
        list(work)
    assert staff.losses == 0
