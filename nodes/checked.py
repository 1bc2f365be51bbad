"""Nodes whose values are checked before they are queued and before they run, each fault said once.

The host asks a node's `validate_inputs` once, and then writes its sentence beside every input that
the function names: ten red lines for one wrong number. A node of ours answers with a sentence that
the host writes beside the input it is about, and nowhere else.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from comfy_api.latest import io

from ..pdgrad_core.errors import InvalidInputError
from . import schema
from .lists import elements

LOOKS_BEFORE = 2
"""How often the host looks at an answer's class before it goes through the inputs.

Its `resolve_map_node_over_list_results` asks twice whether the answer is a task. Were it asked more
or less often in another version, the sentence would stand beside another input, or be raised when
the node runs.
"""


class SaidOnce(str):
    """A sentence about one input among several.

    For every input in turn the host looks whether the answer is an `ExecutionBlocker`, which is no
    fault; to all inputs but one this says so. Whoever else reads it has a string.

    Args:
        sentence: What is wrong.
        inputs: Every input that the host goes through, in its order.
        about: The input it is about.
    """

    _inputs: tuple[str, ...]
    _about: str
    _looks: int

    def __new__(cls, sentence: str, inputs: Sequence[str], about: str) -> SaidOnce:
        """Return the sentence; see the class."""
        made = super().__new__(cls, sentence)
        made._inputs, made._about, made._looks = tuple(inputs), about, 0
        return made

    @property
    def __class__(self) -> type:  # type: ignore[override]
        """A blocker's class when the host looks at an input that this is not about."""
        from comfy_execution.graph_utils import ExecutionBlocker

        turn = self._looks - LOOKS_BEFORE
        self._looks += 1
        here = self._inputs[turn] if 0 <= turn < len(self._inputs) else self._about
        return SaidOnce if here == self._about else ExecutionBlocker


class CheckedNode(io.ComfyNode):
    """A node whose `validate_inputs` is answered once, and asked again before `execute`.

    Before the queue a connected value is not known yet (None): the second time it is. Numbers that
    `validate_inputs` names are held to their range here, since the host leaves them to it.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Wrap the two methods of a class that defines them."""
        super().__init_subclass__(**options)
        for name, wrapped in (("validate_inputs", answered_once), ("execute", _checked_first)):
            own = cls.__dict__.get(name)
            if own is not None and not hasattr(own.__func__, "__wrapped__"):
                setattr(cls, name, classmethod(wrapped(own.__func__)))


def answered_once(check: Callable[..., bool | str]) -> Callable[..., bool | str]:
    """Return a `validate_inputs` whose sentence the host shows beside one input.

    Args:
        check: Names the inputs it looks at; its sentence names the input that is wrong.
    """
    signature = inspect.signature(check)

    @wraps(check)
    def validate_inputs(cls: Any, *args: Any, **given: Any) -> bool | str:
        bound = signature.bind_partial(cls, *args, **given).arguments
        # The host names an input that is missing by itself, and asks all the same.
        values = {name: _single(bound.get(name)) for name in list(signature.parameters)[1:]}
        answer = schema.check_ranges(cls, **values)
        if answer is True:
            answer = check(cls, **values)
        if not isinstance(answer, str):
            return answer
        inputs = list(given) or list(values)
        return SaidOnce(answer, inputs, blamed(answer, inputs))

    validate_inputs.__signature__ = signature  # type: ignore[attr-defined]
    return validate_inputs


def _checked_first(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Return an `execute` that refuses what `validate_inputs` refuses, connected values too."""

    @wraps(execute)
    def checked(cls: Any, *args: Any, **values: Any) -> Any:
        refuse(cls, values)
        return execute(cls, *args, **values)

    return checked


def refuse(node: Any, values: Mapping[str, Any]) -> None:
    """Raise InvalidInputError where a node's `validate_inputs` has something to say."""
    check = getattr(node, "validate_inputs", None)
    if check is None:
        return
    named = [
        one.name
        for one in inspect.signature(check).parameters.values()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    for one in elements({name: values.get(name) for name in named}) if named else []:
        answer = check(**one)
        if answer is not True:
            raise InvalidInputError(str(answer))


def blamed(sentence: str, inputs: Sequence[str]) -> str:
    """Return the input that a sentence names first; the first of all where it names none."""
    places = {name: re.search(rf"\b{re.escape(name)}\b", sentence) for name in inputs}
    named = {name: place.start() for name, place in places.items() if place}
    return min(named, key=lambda name: named[name]) if named else inputs[0]


def _single(value: Any) -> Any:
    """Return a value as it is; a node that takes lists is handed one of each input."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
