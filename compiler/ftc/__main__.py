"""`python -m ftc` is the `ftc` command."""

import sys

from ftc.cli.main import main

sys.exit(main())
