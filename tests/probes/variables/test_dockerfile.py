"""What the reader of Dockerfiles finds, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer_lib.probes.variables.languages.dockerfile import Dockerfile
from deployer_lib.probes.variables.model import NEEDS, Read


def reads(root: Path, text: str) -> list[Read]:
    (root / "Dockerfile").write_text(text, encoding="utf-8")
    found = Dockerfile().read(root, [Path("Dockerfile")])
    assert [] == found.skipped
    return found.reads


def needs(root: Path, text: str) -> dict[str, str]:
    strongest: dict[str, str] = {}
    for read in reads(root, text):
        strongest[read.name] = min(
            strongest.get(read.name, "optional"), read.need, key=list[str](NEEDS).index
        )
    return strongest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM x\nARG A\nARG B=1\nENV C=1", {"A": "optional", "B": "default"}),
        ("ARG A B=1 C='x y'", {"A": "optional", "B": "default", "C": "default"}),
        ("arg A\nenv B=1", {"A": "optional"}),
        ("ARG A=\n", {"A": "default"}),
        ("ARG TARGETARCH\nRUN echo $TARGETARCH $BUILDPLATFORM", {}),
        ("ARG A=1\nFROM x:$A\nARG A\nENV B=$A", {"A": "default"}),
        ("ARG A\nFROM x:${A}", {"A": "required"}),
        ("ARG A\nFROM x${A:+:$A}", {"A": "required"}),
        ("ARG A\nENV A=${A:-d}", {"A": "default"}),
        ("ENV A=${B:-b} C=$D", {"B": "default", "D": "optional"}),
        ("ENV A=1\nLABEL x=$A y=\\$B z='$C'\n# $D", {}),
        ("ENV OLD $A x\nWORKDIR $OLD", {"A": "optional"}),
        ("RUN echo $A ${B:-b} $PHPIZE_DEPS; C=1; echo $C '$D' \\$E $HOME", {"A": "optional", "B": "default"}),
        ("ENV A=1\nARG B=1\nRUN echo $A $B", {"B": "default"}),
        ("ARG A\nRUN echo $A", {"A": "optional"}),
        ('ARG A\nRUN test -n "$A" || exit 1', {"A": "required"}),
        ("ARG A\nRUN echo ${A:-x}", {"A": "default"}),
        ("RUN a && \\\n    # $A\n\n    echo $B", {"B": "optional"}),
        ("RUN --mount=type=secret,id=a,env=A echo $A $B", {"B": "optional"}),
        ("RUN <<EOF\nX=1\necho $X $A\nEOF\nCMD $B", {"A": "optional", "B": "optional"}),
        ("COPY <<EOF /x\n$A \\$B\nEOF\nCOPY <<'EOF' /y\n$C\nEOF", {"A": "optional"}),
        ('CMD ["sh", "-c", "serve --port ${PORT:-80}"]\nENTRYPOINT ["run", "$A"]', {"PORT": "default"}),
        ("ARG A=1\nENV B=1\nCMD serve $A $B", {"A": "default"}),
        ("HEALTHCHECK --interval=5s CMD curl localhost:$PORT || exit 1\nHEALTHCHECK NONE", {"PORT": "optional"}),
        ("ONBUILD ARG A\nONBUILD RUN echo $B", {"A": "optional", "B": "optional"}),
        ('SHELL ["powershell", "-Command"]\nRUN echo $env:A; $B = 1', {}),
        ("# escape=`\nARG A=1 `\n    B=2", {"A": "default", "B": "default"}),
    ],
)  # fmt: skip
def test_each_instruction_is_read_as_a_builder_reads_it(
    tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    assert expected == needs(tmp_path, text)


def test_a_read_has_its_place_and_its_default(tmp_path: Path) -> None:
    text = "FROM x\nARG A=1 \\\n    B\nRUN --mount=type=cache,target=/c x \\\n  && echo $C\n"
    assert [("A", "1", 2, 5, "ARG X=…"), ("B", None, 3, 5, "ARG X"), ("C", None, 5, 11, "RUN $X")] == [
        (r.name, r.default, r.reference.line, r.reference.column, r.reference.idiom)
        for r in reads(tmp_path, text)
    ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Dockerfile", True),
        ("dockerfile", True),
        ("Dockerfile.prod", True),
        ("web.Dockerfile", True),
        ("web.dockerfile", True),
        ("Containerfile", True),
        ("Dockerfile.dockerignore", False),
        ("Dockerfile.md", False),
        ("dockerfile_parser.py", False),
        ("docker", False),
    ],
)
def test_a_dockerfile_is_known_by_its_name(name: str, *, wanted: bool) -> None:
    assert wanted is Dockerfile().wants(Path("a") / name, b"")


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    found = Dockerfile().read(tmp_path, [Path("Dockerfile")])
    assert [("Dockerfile", "it can't be read: No such file or directory", 0)] == found.skipped
