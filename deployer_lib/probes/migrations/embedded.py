"""Where an application itself applies what is pending: a framework that does so at its start, or a call in its code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.migrations.tree import inside

if TYPE_CHECKING:
    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["called_at", "framework_at"]

_BUILDS: Final = ("pom.xml", "build.gradle", "build.gradle.kts", "libs.versions.toml")
_SETTINGS: Final = ("application.properties", "application.yml", "application.yaml")
_CALLS: Final[dict[str, re.Pattern[str]]] = {
    "knex": re.compile(r"\bmigrate\s*\.\s*latest\s*\("),
    "sequelize": re.compile(r"\bumzug\s*\.\s*up\s*\("),
    "typeorm": re.compile(r"\bmigrationsRun\s*:\s*true|\brunMigrations\s*\("),
    "drizzle": re.compile(r"drizzle-orm/[\w-]+/migrator"),
    "entity-framework": re.compile(r"\bDatabase\s*\.\s*Migrate(?:Async)?\s*\("),
    "goose": re.compile(r"\bgoose\.Up(?:Context)?\s*\("),
    "golang-migrate": re.compile(r"\bmigrate\.New\w*\s*\("),
    "ecto": re.compile(r"\bEcto\.Migrator\b"),
}
_COMMENT: Final = re.compile(r"^\s*[*#]|(?<!:)//|/\*")
_SUFFIXES: Final = (".js", ".ts", ".mjs", ".cjs", ".cs", ".go", ".ex")


def framework_at(tree: Tree, words: re.Pattern[str], name: str) -> Location | None:
    """Return where a library that a framework runs at its start is declared, None where the settings turn it off."""
    off = re.compile(rf"{name}\.enabled\s*=\s*false|{name}:\s*\n\s+enabled:\s*false")
    for file in tree.named(*_BUILDS):
        text = tree.text(file) or ""
        if match := words.search(text):
            if any(off.search(tree.text(each) or "") for each in tree.named(*_SETTINGS)):
                return None
            return Location(file, text.count("\n", 0, match.start()) + 1)
    return None


def called_at(tree: Tree, tool: str) -> Location | None:
    """Return the first line of the application's code that runs a tool's migrator."""
    pattern = _CALLS.get(tool)
    for folder, names in sorted(tree.folders.items()) if pattern else ():
        for name in names:
            text = (tree.text(inside(folder, name)) or "") if name.endswith(_SUFFIXES) else ""
            match = (
                next((each for each in pattern.finditer(text) if not _is_comment(text, each.start())), None)
                if pattern
                else None
            )
            if match:
                return Location(inside(folder, name), text.count("\n", 0, match.start()) + 1)
    return None


def _is_comment(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return _COMMENT.search(line) is not None
