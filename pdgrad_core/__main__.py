"""`python -m pdgrad_core` is `pdgrad`; the installed command starts here too."""

import signal

# Until the command line stands there is nothing to clean up, and nobody to put Ctrl-C into words:
# it ends the program at once. Where the caller ignores it, it stays ignored.
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
