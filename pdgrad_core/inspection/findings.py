"""What an inspection can find wrong; `kinds.inspect` adds the file's name and what to do."""


class DamagedError(ValueError):
    """The file is not what it should be; the message is a phrase such as "an HTML page"."""


class ForeignCodeError(ValueError):
    """The file's pickle names a Python object that is no tensor; the message is that name."""
