"""Workers for tests of taking turns; processes of their own import them from here."""

import torch

from pdgrad_core.benchmarks.turns import TurnTaker


def count(pipe, start):
    turns = TurnTaker(pipe, torch.device("cpu"))
    state = torch.tensor(float(start))
    while turns.wait():
        state = turns.take(lambda now=state: now + 1)
    turns.finish(state)


def fail(pipe, start):
    turns = TurnTaker(pipe, torch.device("cpu"))
    while turns.wait():
        raise ValueError(f"nothing begins at {start}")
