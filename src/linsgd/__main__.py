"""``python -m linsgd`` is ``linsgd``."""

import sys

from linsgd.cli import main

sys.exit(main())
