"""`python -m contextkit` is `contextkit`."""

import sys

from contextkit.cli import main

sys.exit(main())
