"""What the reader of Prisma schemas finds."""

from __future__ import annotations

from pathlib import Path

from deployer_lib.probes.variables.languages.prisma import Prisma

SCHEMA = """\
// url = env("COMMENTED")
datasource db {
  provider  = "postgresql"
  url       = env("DATABASE_URL")
  directUrl = env( "DIRECT_URL" ) /// env("DOCUMENTED")
}
/* env("BLOCK") */
model User {
  id   Int    @id
  link String @default("env(x) http://a")
}
"""


def test_a_datasource_can_t_do_without_its_variables(tmp_path: Path) -> None:
    """Comments and strings are none of them."""
    (tmp_path / "schema.prisma").write_text(SCHEMA, encoding="utf-8")
    found = Prisma().read(tmp_path, [Path("schema.prisma"), Path("gone.prisma")])
    assert [("DATABASE_URL", "required", None, 4, 15), ("DIRECT_URL", "required", None, 5, 15)] == [
        (r.name, r.need, r.default, r.reference.line, r.reference.column) for r in found.reads
    ]
    assert [("gone.prisma", "it can't be read: No such file or directory", 0)] == found.skipped
