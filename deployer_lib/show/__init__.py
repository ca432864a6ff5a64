"""What a person sees in a notebook: the header, the effective parameters and the checks, as HTML, Markdown and text.

HTML keeps to inline styles, tables and details: a stranger's notebook is untrusted, and everything else vanishes there.
A code host drops the styles too; sign and word still say what the colour says.
"""

from __future__ import annotations

from deployer_lib.show.checks import checks_bundle
from deployer_lib.show.tables import parameters_bundle, table_bundle
from deployer_lib.show.words import headline, sign

__all__ = ["checks_bundle", "headline", "parameters_bundle", "sign", "table_bundle"]
