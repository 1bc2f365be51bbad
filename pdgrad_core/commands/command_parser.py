"""A subcommand's parser, which takes its options when it is used: `pdgrad --help` stays quick.

Many options come from what the families hold, and to know that means to import them.
"""

import argparse
from collections.abc import Callable
from typing import Any


class CommandParser(argparse.ArgumentParser):
    """A parser whose options may be entered late."""

    _late: Callable[[argparse.ArgumentParser], None] | None = None

    def complete_with(self, add_options: Callable[[argparse.ArgumentParser], None]) -> None:
        """Let options be added before the first use: parsing, or showing the help."""
        self._late = add_options

    def parse_known_args(self, *args: Any, **options: Any) -> Any:
        """See `argparse.ArgumentParser`."""
        self._complete()
        return super().parse_known_args(*args, **options)

    def format_help(self) -> str:
        """See `argparse.ArgumentParser`."""
        self._complete()
        return super().format_help()

    def _complete(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late(self)
