"""What to do about a secret that was found: the code that reads it from the environment, in the file's language, and the way out of git."""

from __future__ import annotations

import os
import re
from typing import Final

from deployer_lib.check import Code, Fix
from deployer_lib.probes.secrets.model import FoundSecret, Origin

__all__ = ["fix_for", "impact_of", "message_of", "root_cause_of"]

_DOCS: Final = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"
_MINUTES: Final = 45
_JAVASCRIPT: Final = (
    'const {local} = process.env.{name};\nif (!{local}) throw new Error("{name} is not set");',
    "javascript",
)
_SHELL: Final = ': "${{{name}:?{name} is not set}}"'
#: By suffix: how a variable is read so that the service does not start without it.
_READS: Final[dict[str, tuple[str, str]]] = {
    ".py": ('{local} = os.environ["{name}"]', "python"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".astro"), _JAVASCRIPT),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), (_JAVASCRIPT[0], "typescript")),
    ".go": ('{local}, ok := os.LookupEnv("{name}")\nif !ok {{\n\tlog.Fatal("{name} is not set")\n}}', "go"),
    ".rs": ('let {local} = std::env::var("{name}").expect("{name} is set");', "rust"),
    **dict.fromkeys((".rb", ".rake", ".ru", ".erb"), ('{local} = ENV.fetch("{name}")', "ruby")),
    **dict.fromkeys(
        (".php", ".phtml"),
        ("${local} = getenv('{name}') ?: throw new RuntimeException('{name} is not set');", "php"),
    ),
    **dict.fromkeys((".ex", ".exs"), ('System.fetch_env!("{name}")', "elixir")),
    ".java": (
        'String {local} = java.util.Objects.requireNonNull(System.getenv("{name}"), "{name} is not set");',
        "java",
    ),
    **dict.fromkeys(
        (".kt", ".kts", ".groovy"),
        ('val {local} = System.getenv("{name}") ?: error("{name} is not set")', "kotlin"),
    ),
    ".scala": ('val {local} = sys.env("{name}")', "scala"),
    ".cs": (
        'var {local} = Environment.GetEnvironmentVariable("{name}") ?? throw new InvalidOperationException("{name} is not set");',
        "csharp",
    ),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh"), (_SHELL, "sh")),
    **dict.fromkeys((".yml", ".yaml"), ("{key}: ${{{name}:?{name} is not set}}", "yaml")),
    ".properties": ("{key}=${{{name}}}", "properties"),
    ".tf": ('variable "{local}" {{\n  type      = string\n  sensitive = true\n}}', "hcl"),
}
_NAMES: Final = {
    "guessable key": "signing key",
    "secret literal": "signing key",
    "token in a header": "api token",
}
_ORIGINS: Final[dict[Origin, str]] = {
    Origin.TOKEN: "It was pasted into the file.",
    Origin.KEY: "The key was saved into the project's folder, and with it into every copy of the repository.",
    Origin.LITERAL: "The value is written in the source, so that it is the same everywhere and everybody with the source has it.",
    Origin.DEFAULT: "The code falls back to a value that stands in the source where the variable is not set.",
    Origin.URL: "The whole address, password included, is written in the file.",
    Origin.FILE: "A file that is there to hold secrets is part of the project, instead of being made on the machine that needs it.",
    Origin.UNIGNORED: "No rule in .gitignore covers the file.",
}


def message_of(found: FoundSecret) -> str:
    """Return what was observed, without the value."""
    under = f" under the name {found.name}" if found.name else ""
    where = {True: ", which is committed", False: ", which is not committed yet", None: ""}[found.committed]
    if found.origin is Origin.UNIGNORED:
        return f"{found.file} holds a secret{under}, is not committed, and git does not ignore it."
    if found.origin is Origin.DEFAULT:
        return f"{found.name} falls back to a literal ({found.masked}) in {found.file}:{found.line}{where}."
    kind = found.kind[0].upper() + found.kind[1:]
    return f"{kind} ({found.masked}) stands{under} in {found.file}:{found.line}{where}."


def root_cause_of(found: FoundSecret) -> str:
    """Return why it stands there."""
    return _ORIGINS[found.origin]


def impact_of(found: FoundSecret) -> str:
    """Return what it does to people."""
    if found.origin is Origin.UNIGNORED:
        return "The next `git add .` publishes it to everybody who can read the repository, for good."
    if found.origin is Origin.DEFAULT:
        return "Where the variable is forgotten the service starts all the same, with a key that everybody with the source knows."
    if found.kind == "guessable key":
        return "Whoever reads or guesses it signs sessions and tokens for any user."
    return "Everybody who can read the repository, one of its copies or a built image can use it; taking the line out does not take it back."


def fix_for(found: FoundSecret) -> Fix:
    """Return how the secret is replaced, taken out, and read from the environment from then on."""
    name = _variable(found)
    steps = [] if found.origin is Origin.UNIGNORED else [_rotate(found)]
    code: list[Code] = []
    if found.origin in {Origin.FILE, Origin.UNIGNORED, Origin.KEY}:
        base = found.file.rpartition("/")[2]
        steps.append(
            f"Take {found.file} out of git and let .gitignore cover it; keep names without values in an example file."
        )
        code.append(Code(".gitignore", base, language="gitignore"))
        if found.committed is not False:
            code.append(Code("terminal", f"git rm --cached -- {_quoted(found.file)}", language="sh"))
    else:
        steps.append(
            f"Read it from the environment: {name}, set by the platform's secret store; refuse to start without it."
        )
        code.append(_read(found, name))
    if found.committed is not False:
        steps.append(
            "Remove it from history on a fresh clone, push with force, and ask everybody to clone anew."
        )
        code.append(_history(found))
    return Fix(
        tuple(steps), tuple(code), found.docs or _DOCS, _MINUTES if found.committed is not False else 10
    )


def _rotate(found: FoundSecret) -> str:
    if found.origin is Origin.DEFAULT:
        return f"Set {found.name} to a new random value in every environment that ran with the fallback."
    return "Rotate it first: make a new one, put it where the service reads it, revoke this one."


def _read(found: FoundSecret, name: str) -> Code:
    suffix = os.path.splitext(found.file)[1].lower()  # noqa: PTH122  (a name, not a file)
    template, language = _READS.get(suffix, (_SHELL, "sh"))
    text = template.format(
        name=name,
        local=_own_name(found) or _local(name, language),
        key=found.name.rpartition(".")[2] or name.lower(),
    )
    return (
        Code(found.file, text, found.line, language)
        if suffix in _READS
        else Code("terminal", text, language="sh")
    )


def _history(found: FoundSecret) -> Code:
    if found.origin in {Origin.FILE, Origin.KEY}:
        return Code("terminal", f"git filter-repo --invert-paths --path {_quoted(found.file)}", language="sh")
    text = "# in ../leaked.txt, a file outside the repository: literal:<the value>==>REMOVED\ngit filter-repo --replace-text ../leaked.txt"
    return Code("terminal", text, language="sh")


def _variable(found: FoundSecret) -> str:
    """Return the name of a variable: the one that is read, or one made of the literal's name or kind."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", found.name):
        return found.name
    if found.name:
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", found.name.rpartition(".")[2])
    else:
        words = re.findall(r"\w+", re.split(r" (?:of|in|that) ", _NAMES.get(found.kind, found.kind))[0])
    return "_".join(word.upper() for word in words) or "SECRET"


def _own_name(found: FoundSecret) -> str:
    """Return the name that the code itself uses, where it is one; a fallback's is the variable's, which is none."""
    last = found.name.rpartition(".")[2]
    return last if last.isidentifier() and found.origin is not Origin.DEFAULT else ""


def _local(name: str, language: str) -> str:
    words = name.lower().split("_")
    if language in {"python", "ruby", "rust", "elixir", "hcl"}:
        return "_".join(words)
    return words[0] + "".join(word.capitalize() for word in words[1:])


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w./-]+", path) else "'" + path.replace("'", "'\\''") + "'"
