"""Configuration files of the JVM: variables in placeholders come out with need, default and place; properties don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.probes.variables import scan
from deployer_lib.probes.variables.languages.configuration import Placeholders
from deployer_lib.probes.variables.languages.spring_text import filled_in, is_variable

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found

TEXTS = [
    ("${X_A}", [("X_A", "required", None)]),
    ("${X_A:d}", [("X_A", "default", "d")]),
    ("${X_A:}", [("X_A", "default", "")]),
    ("${X_A:#{null}}", [("X_A", "optional", None)]),
    ("${spring.x:${X_A:e}}", [("X_A", "default", "e")]),
    ("${X_A:${X_B}}", [("X_B", "required", None), ("X_A", "default", "${X_B}")]),
    (
        "http://${X_A:localhost}:${X_B:80}/${app.name}",
        [("X_A", "default", "localhost"), ("X_B", "default", "80")],
    ),
    ("${X_A:jdbc:pg://h?a={b}}", [("X_A", "default", "jdbc:pg://h?a={b}")]),
    ("${PORT}", [("PORT", "required", None)]),
    ("${app.name} ${name} ${X} ${a_b}", []),
    ("${X_A", []),
    ("#{systemEnvironment['X_A']}", [("X_A", "optional", None)]),
    ("#{systemEnvironment['X_A'] ?: 'd'}", [("X_A", "default", "d")]),
    ("#{environment.X_A}", [("X_A", "optional", None)]),
    ("#{environment.getProperty('X_A')}", [("X_A", "optional", None)]),
    ("#{'${X_A:a,b}'.split(',')}", [("X_A", "default", "a,b")]),
    ("#{systemProperties['X_A']}", []),
    ("#{ systemEnvironment['x_a'] != null }", [("x_a", "optional", None)]),
    ("#{systemEnvironment.x_a}", [("x_a", "optional", None)]),
    ("#{systemEnvironment.entrySet()}", []),
    ("#{systemEnvironment['X_A'] == null ? 'd' : 'e'}", [("X_A", "default", "d")]),
    ("#{systemEnvironment['X_A'] != null ? 'e' : 'd'}", [("X_A", "default", "d")]),
    ("#{T(java.lang.System).getenv('X_A')}", [("X_A", "optional", None)]),
    ("#{environment['x.a']} #{environment['xA']} #{someenvironment['X_A']}", []),
    ("#{environment.getProperty('X_A', 'd')}", [("X_A", "default", "d")]),
    ("#{environment.getRequiredProperty('X_A')}", [("X_A", "required", None)]),
    ("${X_A:`a:b`}", [("X_A", "default", "a:b")]),
    ("${env:X_A}", [("X_A", "optional", None)]),
    ("${env:X_A:-d}", [("X_A", "default", "d")]),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_text_names_variables(text: str, expected: list[tuple[str, str, str | None]]) -> None:
    assert expected == [(one.name, one.need, one.default) for one in filled_in(text)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("A_B", True), ("PORT", True), ("A", False), ("a.b", False), ("aB", False), ("__", False)],
)
def test_only_upper_case_names_are_variables(name: str, *, expected: bool) -> None:
    assert expected == is_variable(name)


def found_in(root: Path, name: str, text: str) -> Found:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Placeholders().read(root, [path.relative_to(root)])


LOGBACK = (
    '<configuration><property name="DIR" value="${X_A:-/tmp}"/><file>${DIR}/${X_B}</file></configuration>'
)
FILES = [
    ("src/main/resources/application.yml", "a: ${X_A:d}\nb: '${X_B}' # ${X_C}\n# c: ${X_D}\nurl: a#${X_E}\n",
     {"X_A": "default", "X_B": "required", "X_E": "required"}),
    ("src/main/resources/application-prod.properties", "a=${X_A}\n#b=${X_B}\n! ${X_C}\nX_D=e\nc=${X_D}\n",
     {"X_A": "required", "X_D": "default"}),
    ("config/bootstrap.yaml", "a: ${X_A}", {"X_A": "required"}),
    ("deploy/values.yml", "a: ${X_A}", {}),
    ("src/main/resources/db.yml", "a: ${X_A:-d}", {"X_A": "default"}),
    ("src/main/resources/META-INF/microprofile-config.properties", "a=${X_A:d}", {"X_A": "default"}),
    ("src/main/resources/messages_de.properties", "a=${X_A}", {}),
    ("gradle.properties", "a=${X_A}", {}),
    ("src/main/resources/logback.xml", LOGBACK, {"X_A": "default", "X_B": "optional"}),
    ("src/main/resources/logback-spring.xml", "<a>${LOG_PATH}/${X_A:-x}</a>", {"X_A": "default"}),
    ("src/main/resources/log4j2.xml", "<a>${env:X_A:-d} ${sys:X_B} ${X_C} <!-- ${env:X_D} --></a>", {"X_A": "default"}),
    ("src/main/resources/application.conf", 'p = 80\np = ${?X_A}\nq = ${X_B}\nr = "${X_C}"\n# ${X_D}\n// ${X_E}\nu = "http://x" ${X_F}',
     {"X_A": "optional", "X_B": "required", "X_F": "required"}),
    ("conf/play.conf", "a = ${?X_A}", {"X_A": "optional"}),
    ("conf/nginx.conf", "listen ${X_A};", {}),
    ("src/main/resources/mapper/A.xml", "<mapper>${X_A}</mapper>", {}),
    ("src/main/resources/beans.xml", '<beans xmlns="http://www.springframework.org/schema/beans"><a v="${X_A}"/></beans>',
     {"X_A": "required"}),
    ("pom.xml", "<a>${env.X_A} ${X_B} ${project.version}</a>", {"X_A": "optional"}),
    ("ci/my-settings.xml", '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">${X_A} ${env.X_B} ${user.home}</settings>',
     {"X_A": "optional", "X_B": "optional"}),
    ("src/main/liberty/config/server.xml", ('<server><featureManager></featureManager><variable name="X_A" defaultValue="80"/>'
     '<variable name="X_B" value="b"/><a p="${X_A}" q="${X_B}" r="${X_C}" s="${env.X_D}"/></server>'),
     {"X_A": "default", "X_C": "optional", "X_D": "optional"}),
    ("conf/server.xml", '<Server><Connector port="${X_A}" b="${env.X_B}"/></Server>', {"X_B": "optional"}),
    ("packaging.conf", 'a = ${env.X_A}\nb = "s3:"${env.X_B}/\nc = ${?env.X_C}\nd = ${X_D}\n# ${env.X_E}',
     {"X_A": "required", "X_B": "required", "X_C": "optional"}),
    ("nginx/site.conf", "server { listen ${X_A}; root $root; }", {}),
    ("jreleaser.yml", 'a: "{{Env.X_A}}"\nb: "{{ Env.X_B }} {{projectVersion}}"\n# {{Env.X_C}}', {"X_A": "optional", "X_B": "optional"}),
    ("src/main/resources/application.yaml", 'ktor:\n  port: "$X_A:80"\n  host: $X_B\nu: "$?X_C"\nv: "$ktor.port"\nw: ${X_D}\n# x: $X_E\nl:\n  - "$X_F"',
     {"X_A": "default", "X_B": "required", "X_C": "optional", "X_D": "required", "X_F": "required"}),
    ("src/main/resources/application.yml", 'spring:\n  a: "$X_A:80"\n  b: "{{Env.X_B}}"', {}),
    ("src/main/resources/logback-parts.xml", "<included>${PID:- } ${LOG_LEVEL_PATTERN:-%5p} ${LOG_PATH}</included>", {"LOG_PATH": "optional"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), FILES)
def test_a_file_names_variables(tmp_path: Path, name: str, text: str, expected: dict[str, str]) -> None:
    assert expected == {read.name: read.need for read in found_in(tmp_path, name, text).reads}


def test_a_reference_has_its_place(tmp_path: Path) -> None:
    read = found_in(tmp_path, "application.yml", "# ${X_B}\nspring:\n  ü: ${X_A:d}\n").reads[0]
    assert ("X_A", "d", "application.yml", 3, 7) == (
        read.name,
        read.default,
        read.reference.file,
        read.reference.line,
        read.reference.column,
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    from pathlib import Path as Name  # noqa: PLC0415

    assert [("application.yml", "it can't be read: No such file or directory", 0)] == (
        Placeholders().read(tmp_path, [Name("application.yml")]).skipped
    )


def test_maven_s_own_folders_are_looked_at_but_for_packages(tmp_path: Path) -> None:
    settings = '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><p>${NAME}</p></settings>'
    for place, text in (
        (".m2/settings.xml", settings.replace("NAME", "X_A")),
        (".mvn/settings.xml", settings.replace("NAME", "X_B")),
        (".m2/repository/a/pom.xml", "<a>${env.X_C}</a>"),
        (".mvn/wrapper/MavenWrapperDownloader.java", 'class M { String a = System.getenv("X_D"); }'),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text, encoding="utf-8")
    assert ["X_A", "X_B"] == [variable.name for variable in scan(tmp_path).variables]
