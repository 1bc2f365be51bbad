"""An objective's options as words of a command line: `name=value`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInputError
from ..registry import unknown_name

_SWITCHES = {"on": True, "off": False}


def read_options(words: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by name, each of its default's type.

    Example:
        >>> read_options(["p=2", "prediction=eps"], {"p": 1, "prediction": "x0"})
        {'p': 2, 'prediction': 'eps'}

    Args:
        words: Each `name=value`; a switch is "on" or "off".
        defaults: The objective's `option_defaults`.

    Raises:
        UnknownNameError: The objective has no such option.
        InvalidInputError: A word has no value, or one of another type.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInputError(f"--option takes NAME=VALUE, not {word!r}.")
        if name not in defaults:
            raise unknown_name("option of the objective", name, list(defaults))
        found[name] = _typed(name, value, defaults[name])
    return found


def _typed(name: str, value: str, default: Any) -> Any:
    if isinstance(default, bool):
        if value not in _SWITCHES:
            raise InvalidInputError(f"--option {name} is on or off, not {value!r}.")
        return _SWITCHES[value]
    if not isinstance(default, int | float):
        return value
    kind = type(default)
    try:
        return kind(value)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise InvalidInputError(f"--option {name} takes {what}, not {value!r}.") from None
