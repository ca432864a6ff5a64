"""Run the command line with `python -m storefront`."""

import sys

from storefront.cli import main

sys.exit(main())
