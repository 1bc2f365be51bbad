"""`python -m pdgrad_core` is `pdgrad`."""

from .cli import main

raise SystemExit(main())
