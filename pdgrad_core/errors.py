"""Every error that this package raises on purpose.

A message is one sentence that says what was expected, what was found and what to do. All errors
derive from `PDGradError`, so that the command line and the nodes can show the sentence alone.
"""


class PDGradError(Exception):
    """Base of every error raised on purpose by this package."""


class InvalidInputError(PDGradError, ValueError):
    """A value, a shape or a combination of options that cannot be used."""


class ImageError(PDGradError):
    """An image file that is missing, unreadable or of a size that cannot be used."""


class WriteError(PDGradError, OSError):
    """A file that cannot be written: a full disk, a folder that takes none, a place in use."""


class NoFaceError(PDGradError):
    """No face was found where one was asked for."""


class NoSuchFaceError(NoFaceError, InvalidInputError):
    """A face was asked for by its number, and the photo has fewer."""


class ScheduleError(InvalidInputError):
    """Steps, tau or a respacing that the noise schedule cannot give."""


class CheckpointError(PDGradError):
    """Base of the errors about weight files."""


class CheckpointNotFoundError(CheckpointError):
    """A weight file is not in any of the folders searched."""


class CorruptCheckpointError(CheckpointError):
    """A weight file is truncated or is no weight file at all."""


class UnsafeCheckpointError(CheckpointError):
    """A weight file is a pickle that would run code."""


class WrongArchitectureError(CheckpointError):
    """A weight file belongs to another network."""


class FetchError(PDGradError):
    """A download that the user asked for did not arrive whole."""


class MissingDependencyError(PDGradError, ImportError):
    """An optional Python package is not installed."""


class UnknownNameError(PDGradError, KeyError):
    """A name that is not in a registry or table."""

    def __str__(self) -> str:
        # KeyError would show the message in quotes.
        return str(self.args[0])


class DuplicateNameError(PDGradError):
    """Two members of one family claim the same name."""


class PluginError(PDGradError):
    """A plugin that cannot be loaded."""


class NonFiniteError(PDGradError, ArithmeticError):
    """A network or a step gave NaN or infinite values."""


class NonFiniteGradientError(NonFiniteError):
    """A guidance gradient is NaN or infinite."""


class SamplingStopped(PDGradError):  # noqa: N818  (a request that was honoured, not a fault)
    """The caller's stop check asked for the end of a sampling run."""
