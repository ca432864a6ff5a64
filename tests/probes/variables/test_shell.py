"""What the reader of shell scripts finds, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer_lib.probes.variables import scan
from deployer_lib.probes.variables.languages.shell import Shell
from deployer_lib.probes.variables.model import NEEDS, Found


def found(root: Path, **files: str) -> Found:
    paths = []
    for name, text in files.items():
        path = root / f"{name}.sh"
        path.write_text(text, encoding="utf-8")
        paths.append(path.relative_to(root))
    return Shell().read(root, paths)


def needs(root: Path, **files: str) -> dict[str, str]:
    strongest: dict[str, str] = {}
    for read in found(root, **files).reads:
        strongest[read.name] = min(
            strongest.get(read.name, "optional"), read.need, key=list[str](NEEDS).index
        )
    return strongest


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # by the operator
        (': "${A:?need}" "${B?}"', {"A": "required", "B": "required"}),
        ("x=${A:-d} y=${B-d} z=${C:-}", {"A": "default", "B": "default", "C": "default"}),
        (': "${A:=d}" "${B=}"; echo $A $B', {"A": "default", "B": "default"}),
        ("echo ${A:+y} ${B+y} $C ${D} ${#E} ${F##*/} ${G/a/b} ${H: -3} ${I^^}", dict.fromkeys("ABCDEFGHI", "optional")),
        ("echo ${A:-${B:-x}}", {"A": "default", "B": "default"}),
        ("echo ${A:-$B}", {"A": "default", "B": "optional"}),
        ('echo "$A $B ${C:-x} ${D}"', {"A": "optional", "B": "optional", "C": "default", "D": "optional"}),
        # in another branch it is not assigned
        ("if x; then A=1; elif y; then A=2; else A=${A:-d}; fi", {"A": "default"}),
        ("case $1 in a) A=1 ;; b) A=${A:-d} ;; esac", {"A": "default"}),
        ("if A=$(x); then echo; else echo $A; fi; if x; then A=1; fi; echo $A", {}),
        ("if x; then :; elif A=$(y); then :; else echo $A; fi", {}),
        ("while x; do case $1 in a) A=1 ;; b) echo $A ;; esac; done", {}),
        # what describes the system
        (". /etc/os-release; echo $ID $VERSION_ID ${ID_LIKE:-}", {}),
        ('x="$(source /etc/os-release && echo "$ID")"', {}),
        ("f() { . /usr/lib/os-release; }\nf\ng() { echo $VERSION_CODENAME; }", {}),
        (". /etc/lsb-release; echo $DISTRIB_ID $A", {"A": "optional"}),
        ("echo $VERSION_ID; . /etc/os-release", {"VERSION_ID": "optional"}),
        ("A=${A:-d}; echo $A", {"A": "default"}),
        ('export A="${A:-d}"', {"A": "default"}),
        ("echo $((A + 1)); (( B > 0 )) && echo", {"A": "optional", "B": "optional"}),
        # what is assigned in the script
        ("A=1; echo $A; export B=2; echo $B; readonly C=3; echo $C; declare -x D=4; echo $D", {}),
        ("for A in a b; do echo $A; done; select B in a; do echo $B; done", {}),
        ("read -r -p 'Name: ' A B; echo $A $B; IFS=, read C; echo $C; mapfile -t D; echo $D", {}),
        ('while getopts ":a:" OPT; do echo $OPT $OPTARG; done', {}),
        ('printf -v A "%s" x; echo $A; let B=1; echo $B; (( C = 1 )); echo $C; eval "D=1"; echo $D', {}),
        ("f() { local A=1 B; echo $A $B; }", {}),
        ("f() { local A=1; g; }\ng() { echo $A; }\necho $A", {"A": "optional"}),
        ("main() { echo $A; }\nA=1\nmain", {}),
        ("f() { A=${A:-1}; }\ng() { A=${A:-2}; }", {"A": "default"}),
        ("echo $A; A=1; echo $A", {"A": "optional"}),
        ("A=1 command; echo $A", {"A": "optional"}),
        ('while [ "$A" != 1 ]; do A=$(next); done', {}),
        ("export A; echo $A", {"A": "optional"}),
        # what is never a reference
        ("echo $1 $@ $# $? $$ $! $PATH $HOME $BASH_SOURCE $LC_ALL $RANDOM $UID $TERM", {}),
        ("mktemp ${TMPDIR:-/tmp}/x; echo $LANG", {"TMPDIR": "default", "LANG": "optional"}),
        ("echo \\$A \"\\$B\" '$C' # $D", {}),
        ("cat <<'X'\n$A\nX\ncat <<\\Y\n$B\nY\ncat <<\"Z\"\n$C\nZ\n", {}),
        ("cat <<X\n$A \\$B '$C'\nX\ncat <<-Y\n\t${D:-d}\n\tY\n", {"A": "optional", "C": "optional", "D": "default"}),
        ("awk '{print $A}'; perl -e 'print $ENV{B}'; sed 's/$C/x/'", {}),
        ("require A; check_env B C", {}),
        ("echo $host ${uri} $request_id", {}),
        ("echo ${list[0]} ${LIST[@]}", {}),
        # small letters that do come from outside
        ("echo $http_proxy ${user:-nobody} $npm_package_version",
         {"http_proxy": "optional", "user": "default", "npm_package_version": "optional"}),
        ('[ "$pkgwizard_purge" = true ] && echo $wizard_purge', {"pkgwizard_purge": "optional"}),
        # bash has no GID of its own: it is given to an entry point
        ('set -u; chown "$UID:$GID" /data', {"GID": "required"}),
        # programs that are asked by name
        ("printenv A; env | grep ^B=; env | grep -q '^C='; envsubst '$D ${E}' < t",
         dict.fromkeys("ABCDE", "optional")),
        ("printenv A || exit 1; if ! env | grep -q ^B=; then exit 1; fi", {"A": "required", "B": "required"}),
        ("cat file | grep ^A=", {}),
    ],
)  # fmt: skip
def test_a_script_s_names_are_told_from_its_surroundings(
    tmp_path: Path, code: str, expected: dict[str, str]
) -> None:
    """What a script assigns, quotes or gets from its shell is no reference."""
    assert expected == needs(tmp_path, a=code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('[ -z "$A" ] && exit 1', "required"),
        ('[ -z "$A" ] && exit 0', "optional"),
        ("[[ -z $A ]] && { echo no >&2; exit 1; }", "required"),
        ('if [ -z "$A" ]; then\n  echo "A is missing"\n  exit 1\nfi', "required"),
        ('if [[ -z "${A:-}" ]]; then exit 1; fi', "required"),
        ("if [ -z ${A+x} ]; then exit 1; fi", "required"),
        ("if [[ ! -v A ]]; then exit 1; fi", "required"),
        ('if [ -n "$A" ]; then echo; else exit 1; fi', "required"),
        ('if ! [ -n "$A" ]; then exit 1; fi', "required"),
        ('if [ "$A" = "" ]; then exit 1; fi', "required"),
        ('if [ "x$A" = x ]; then exit 1; fi', "required"),
        ("if [ ${#A} -eq 0 ]; then exit 1; fi", "required"),
        ('[ "$A" ] || exit 1', "required"),
        ('test -n "$A" || exit 1', "required"),
        ('[ -n "$A" ] || { echo "no A"; exit 1; }', "required"),
        ('[ -z "$A" ] && echo "no A" && exit 1', "required"),
        ('[ -f "$A" ] || exit 1', "required"),
        ('die() { echo "$1"; exit 1; }\n[ -n "$A" ] || die "no A"', "required"),
        ('fatal2() { echo; }\n[ -n "$A" ] || fatal2', "optional"),
        ('quit() { die x; }\ndie() { exit 2; }\n[ -n "$A" ] || quit', "required"),
        ('[ -n "$A" ] || die "from elsewhere"', "required"),
        ('f() { if [ -z "$A" ]; then echo "no A"; return 1; fi; }', "required"),
        ('f() { [ -n "$A" ] || return 1; }', "optional"),
        ('[ "$1" = prod ] && [ -z "$A" ] && exit 1', "required"),
        ('if [[ $1 == prod && -z "$A" ]]; then exit 1; fi', "required"),
        ('if [ -z "$A" ] || [ -z "$1" ]; then exit 1; fi', "required"),
        ('if [ -z "$A" -o -z "$1" ]; then exit 1; fi', "required"),
        ('if [ -z "$A" ] && [ -z "$1" ]; then exit 1; fi', "optional"),
        ('if [[ -z "$A" && -z "$1" ]]; then exit 1; fi', "optional"),
        ('if [ -n "$1" ]; then echo; elif [ -n "$A" ]; then echo; else exit 1; fi', "optional"),
        ('if [ -z "$A" ]; then echo "no A"; fi', "optional"),
        ('if [ -n "$A" ]; then exit 1; fi', "optional"),
        ('if [ "$A" = debug ]; then set -x; fi', "optional"),
        ('missing=0\n[ -n "$A" ] || missing=1\nif [ "$missing" = 1 ]; then exit 1; fi', "required"),
        ('[ -n "$A" ] || missing+=(A)\nif [ ${#missing[@]} -gt 0 ]; then echo x; exit 1; fi', "required"),
        ('if [ -z "$A" ]; then os=$(uname); if [ -z "$os" ]; then exit 1; fi; fi', "optional"),
        ('if [ -z "$A" ]; then A=d; fi; echo $A', "default"),
        ('[ -z "$A" ] && A=d', "default"),
        ('[ -n "$A" ] || export A=d', "default"),
        ('test -z "$A" && A=d', "default"),
        # what is found out where it is unset is no fallback that is written out
        ('if [ -z "$A" ]; then A=$(make) || exit 1; fi', "optional"),
        ('if [ -z "$A" ]; then export A=x-$1; fi', "optional"),
        ('if [ -z "$A" ]; then A=$HOME/x; fi', "default"),
        ('if [ -z "${A:-}" ]; then A=$(make); fi', "default"),
        ('A=${A:-}\nif [ -z "$A" ]; then A=$(make); fi\nif [ -z "$A" ]; then exit 1; fi', "default"),
        ('set -u\na=${A:-}\nif [ -n "$a" ]; then echo; fi', "default"),
        ('a=$A\nif [ -z "$a" ]; then exit 1; fi', "required"),
        ('a="${A:-}"\n[[ "$a" =~ ^[0-9a-f]+$ ]] || exit 1', "required"),
        ('a="${A:-}"\n[[ "$a" =~ ^[0-9a-f]*$ ]] || exit 1', "default"),
        ('a="$(printenv A)"\n[ -n "$a" ] || exit 1', "required"),
        ('B=$A\nif [ -z "$B" ]; then B=80; fi', "default"),
        ("B=$A\necho ${B:-80}", "default"),
        ('A="${A:-}"\nif [ -z "$A" ]; then exit 1; fi', "required"),
        ('B="$A"\n[ -n "$B" ] || exit 1', "required"),
        ('A=${A:-d}\n[ -n "$A" ] || exit 1', "default"),
        ("set -u\necho $A", "required"),
        ('set -euo pipefail\necho "${A}"', "required"),
        ("set -o nounset\nf() { echo $A; }", "required"),
        ("#!/bin/bash -eu\necho $A", "required"),
        ("set -u; set +u; echo $A", "optional"),
        ('set -u\nif [ -n "${A:-}" ]; then echo $A; fi', "default"),
        ('set -u\n[ -n "${A+x}" ] && echo $A', "optional"),
        ("set -u\necho ${1:-$A} ${A:+x}", "optional"),
    ],
)  # fmt: skip
def test_what_follows_where_a_variable_is_unset_says_its_need(
    tmp_path: Path, code: str, expected: str
) -> None:
    """A test that ends the script makes a variable required, one that assigns it gives it a default."""
    assert {"A": expected} == needs(tmp_path, a=code)


@pytest.mark.parametrize(
    ("code", "default"),
    [
        ("echo ${A:-d}", "d"),
        ('echo "${A:-"a b"}"', "a b"),
        ("echo ${A:='q'}", "q"),
        ("echo ${A:-}", ""),
        ("echo ${A:-$HOME/x}", "$HOME/x"),
        ('if [ -z "$A" ]; then A="d e"; fi', "d e"),
        ("echo ${A:?no}", None),
        ("echo $A", None),
    ],
)
def test_a_default_is_kept_as_text(tmp_path: Path, code: str, default: str | None) -> None:
    assert [default] == [read.default for read in found(tmp_path, a=code).reads]


@pytest.mark.parametrize(
    "code",
    [
        'for n in A B; do if [ -z "${!n}" ]; then echo $n; exit 1; fi; done',
        'names=(A B)\nfor n in "${names[@]}"; do : "${!n:?}"; done',
        'names="A B"\nfor n in $names; do [ -n "${!n:-}" ] || exit 1; done',
        "for n in A B; do printenv $n || exit 1; done",
    ],
)
def test_names_in_a_loop_are_read_one_by_one(tmp_path: Path, code: str) -> None:
    """A name that another name holds is known where its list is written out."""
    assert {"A": "required", "B": "required"} == needs(tmp_path, a=code)


#: Docker's idiom, as the official images' entrypoints have it.
FILE_ENV = """
file_env() {
	local var="$1"
	local fileVar="${var}_FILE"
	local def="${2:-}"
	if [ "${!var:-}" ] && [ "${!fileVar:-}" ]; then
		echo >&2 "error: both $var and $fileVar are set (but are exclusive)"
		exit 1
	fi
	local val="$def"
	if [ "${!var:-}" ]; then
		val="${!var}"
	elif [ "${!fileVar:-}" ]; then
		val="$(< "${!fileVar}")"
	fi
	export "$var"="$val"
	unset "$fileVar"
}
"""
#: The same where no bash is: Nextcloud's, and others'.
FILE_ENV_OF_SH = """
file_env() {
    local var="$1"
    local fileVar="${var}_FILE"
    local def="${2:-}"
    local varValue=$(env | grep -E "^${var}=" | sed -E -e "s/^${var}=//")
    local fileVarValue=$(env | grep -E "^${fileVar}=" | sed -E -e "s/^${fileVar}=//")
    if [ -n "${varValue}" ] && [ -n "${fileVarValue}" ]; then
        exit 1
    fi
    if [ -n "${varValue}" ]; then
        export "$var"="${varValue}"
    elif [ -n "${fileVarValue}" ]; then
        export "$var"="$(cat "${fileVarValue}")"
    elif [ -n "${def}" ]; then
        export "$var"="$def"
    fi
}
"""
FILE_ENV_BY_EVAL = """
file_env() {
    eval "value=\\${$1:-}"
    eval file=\\$${1}_FILE
    if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
    export "$1=${value:-$2}"
}
"""
FILE_ENV_BY_PRINTENV = """
file_env() {
    name="$1"
    if [ -n "$(printenv "${name}_FILE")" ]; then
        export "$name=$(cat "$(printenv "${name}_FILE")")"
    elif [ -z "$(printenv $name)" ]; then
        export "$name=${2-}"
    fi
}
"""


@pytest.mark.parametrize("function", [FILE_ENV, FILE_ENV_OF_SH, FILE_ENV_BY_EVAL, FILE_ENV_BY_PRINTENV])
def test_a_function_reads_the_names_that_it_is_called_with(tmp_path: Path, function: str) -> None:
    """A name and its ``_FILE`` are read where they are called for; what stands behind the name is its fallback."""
    reads = found(tmp_path, a=f"set -eu{function}file_env DB_PASSWORD\nfile_env 'DB_HOST' localhost\n").reads
    line = function.count("\n") + 1
    assert {
        ("DB_PASSWORD", "optional", None, line),
        ("DB_PASSWORD_FILE", "optional", None, line),
        ("DB_HOST", "default", "localhost", line + 1),
        ("DB_HOST_FILE", "optional", None, line + 1),
    } == {(read.name, read.need, read.default, read.reference.line) for read in reads}


def test_a_function_in_a_sourced_file_reads_where_it_is_called(tmp_path: Path) -> None:
    files = {"a": "X=1\n. ./lib.sh\nfile_env A\nfile_env X\n", "lib": FILE_ENV}
    places = {
        (read.name, read.reference.file, read.reference.line) for read in found(tmp_path, **files).reads
    }
    assert {("A", "a.sh", 3), ("A_FILE", "a.sh", 3), ("X_FILE", "a.sh", 4)} == places


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('f() { for n in "$@"; do [ -n "${!n}" ] || exit 1; done; }\nf A B', {"A": "required", "B": "required"}),
        ("f() { for n; do : ${!n:?}; done; }\nf A B", {"A": "required", "B": "required"}),
        ("f() { while [ $# -gt 0 ]; do echo ${!1}; shift; done; }\nf A B", {"A": "optional", "B": "optional"}),
        ("f() { p=$1; shift; for n in $*; do v=${p}_$n; echo ${!v}; done; }\nf P A B", {"P_A": "optional", "P_B": "optional"}),
        ("f() { v=${!1:-}; export $1=${v:-$2}; }\nf A $(x); f B", {"A": "default", "B": "optional"}),
        ("f() { echo ${!1:-$2}; }\nf A x; f B; f C ''", {"A": "default", "B": "optional", "C": "optional"}),
        ('f() { g "$1_ID"; }\ng() { : "${!1:?}"; }\nf A', {"A_ID": "required"}),
        ('l=(A "B")\nf() { n="$1"; echo ${!n}; }\nfor v in ${l[@]}; do f "${v}"; done', {"A": "optional", "B": "optional"}),
        ('l=A\nl="$l B"\nl="${l} C"\nfor v in $l; do echo ${!v}; done', dict.fromkeys("ABC", "optional")),
        ("l=(A)\nl+=(B)\nfor v in ${l[@]}; do echo ${!v}; done", {"A": "optional", "B": "optional"}),
        ("l=(A:1 B:2)\nfor v in ${l[@]}; do n=${v%%:*}; echo ${!n}; done", {"A": "optional", "B": "optional"}),
        ("declare -A m=([A]=C [B]=D)\nfor n in ${!m[@]}; do [[ -v $n ]]; done", {"A": "optional", "B": "optional"}),
        ("for n in a b; do v=${n^^}_URL; echo ${!v}; done", {"A_URL": "optional", "B_URL": "optional"}),
        ("for n in a-b; do v=X_${n//-/_}; v=${v^^}; echo ${!v}; done", {"X_A_B": "optional"}),
        ("n=$(echo a | tr a-z A-Z); echo ${!n}", {"A": "optional"}),
        ('for n in A; do eval "v=\\$$n"; eval w=\\${$n:-x}; done', {"A": "default"}),
        ('set -u\nfor n in A; do [ -n "${!n:-}" ] && echo ${!n}; done', {"A": "default"}),
        ("set -u\nfor n in A; do echo ${!n}; done", {"A": "required"}),
        # what is the script's own, or not known
        ("A=1\nf() { echo ${!1}; }\nf A", {}),
        ("f() { echo ${!1}; }\nf $2; f name; f PATH", {}),
        ("f() { echo $1; }\nf A", {}),
        ("f() { g ${!1}; }\nh A", {}),
        ('eval "$cmd"; eval "A=\\$1"; eval "echo \\$B"', {}),
        ("env | grep $x; env | grep '^A'; set | grep ^${p}_", {}),
    ],
)  # fmt: skip
def test_names_are_followed_to_where_they_are_written_out(
    tmp_path: Path, code: str, expected: dict[str, str]
) -> None:
    """Through arguments, lists, keys and changes of case; what is made at run time is not guessed."""
    assert expected == needs(tmp_path, a=code)


def test_a_name_made_at_run_time_is_noted_with_its_place(tmp_path: Path) -> None:
    both = found(tmp_path, a='f() { echo "${!1}"; }\necho ${!n}\necho ${!PRE_@}\n')
    assert [("a.sh", 1), ("a.sh", 2)] == [(one.file, one.line) for one in both.computed]
    assert [] == both.reads


def test_a_read_has_its_line_and_column(tmp_path: Path) -> None:
    reads = found(tmp_path, a="#!/bin/sh\n\necho é $A\n").reads
    assert [("a.sh", 3, 9, "$X")] == [
        (r.reference.file, r.reference.line, r.reference.column, r.reference.idiom) for r in reads
    ]


@pytest.mark.parametrize(
    "source",
    ["source ./env.sh", ". env.sh", 'source "$(dirname "$0")/env.sh"', '. "$DIR/env.sh"', 'source "${BASH_SOURCE%/*}/env.sh"'],
)  # fmt: skip
def test_what_a_sourced_file_assigns_is_no_reference_after_it(tmp_path: Path, source: str) -> None:
    code = f"DIR=.; echo $A\n{source}\necho $B\n"
    assert {"A": "optional"} == needs(tmp_path, a=code, env="A=1\nB=2\n")


def test_a_file_that_is_sourced_is_given_what_all_who_source_it_assign(tmp_path: Path) -> None:
    """What only some of them assign may still come from the environment, but is not held against ``set -u``."""
    files = {"one": "set -u\nA=1\nB=1\n. ./lib.sh\n", "two": "A=1\n. ./lib.sh\n", "lib": "echo $A $B $C\n"}
    assert {"B": "optional", "C": "required"} == needs(tmp_path, **files)


def test_a_default_in_a_sourced_file_keeps_its_read(tmp_path: Path) -> None:
    files = {"a": ". ./lib.sh\necho ${A:-x}\nA=${A:-y}\n", "lib": "A=${A:-z}\n"}
    assert {"A": "default"} == needs(tmp_path, **files)


def test_a_sourced_function_that_exits_makes_required(tmp_path: Path) -> None:
    files = {"a": '. ./lib.sh\n[ -n "$A" ] || stop "no A"\n', "lib": "stop() { echo $1; exit 1; }\n"}
    assert {"A": "required"} == needs(tmp_path, **files)


def test_a_sourced_file_s_own_assignments_are_not_its_sourcer_s(tmp_path: Path) -> None:
    assert {"A": "default"} == needs(tmp_path, a=". ./lib.sh\n", lib="B=${A:-x}\nA=$B\n")


def test_an_absolute_path_is_where_an_image_has_it(tmp_path: Path) -> None:
    inside = tmp_path / "rootfs" / "usr" / "lib"
    inside.mkdir(parents=True)
    (inside / "lib.sh").write_text("A=1\n", encoding="utf-8")
    (tmp_path / "a.sh").write_text(". /usr/lib/lib.sh\necho $A $B\n", encoding="utf-8")
    reads = Shell().read(tmp_path, [Path("a.sh"), Path("rootfs/usr/lib/lib.sh")]).reads
    assert ["B"] == [read.name for read in reads]


def test_a_generated_script_is_left_out(tmp_path: Path) -> None:
    head = "#!/bin/sh\n# Usage example: /bin/sh ./git_push.sh me openapi-petstore-perl\n"
    assert {} == needs(tmp_path, git_push=f"{head}echo $A\n")
    assert {"A": "optional"} == needs(tmp_path, git_push="echo $A\n")


def test_an_environment_file_is_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n", encoding="utf-8")
    assert {"A": "optional"} == needs(tmp_path, a=". ./.env\necho $A\n")


@pytest.mark.parametrize(
    ("name", "head", "wanted"),
    [
        ("run.sh", b"", True),
        ("run.bash", b"#!/usr/bin/env bash\n", True),
        ("run.sh", b"#!/usr/bin/env python3\n", False),
        ("entrypoint", b"#!/bin/sh\n", True),
        ("entrypoint", b"#!/usr/bin/env bash\n", True),
        ("entrypoint", b"#!/usr/bin/env -S bash -e\n", True),
        ("entrypoint", b"#! /bin/dash\n", True),
        ("run", b"#!/command/with-contenv bash\n", True),
        ("run", b"#!/usr/bin/with-contenv bash\n", True),
        ("run", b"#!/bin/ash -e\n", True),
        ("run", b"#!/usr/bin/env zsh\n", True),
        ("run", b"#!/usr/bin/env ruby\n", False),
        ("run", b"#!/usr/bin/fish\n", False),
        ("info.cgi", b"#!/bin/sh\n", True),
        ("info.cgi", b"#!/usr/bin/perl\n", False),
        ("AppRun.template", b"#!/bin/bash\n", True),
        ("start.in", b"#!@SHELL@\n", False),
        ("nginx.conf.template", b"server {\n", False),
        ("README", b"Run it.\n", False),
        ("tool.py", b"#!/bin/sh\n", False),
        ("gradlew", b"#!/bin/sh\n", False),
    ],
)
def test_a_script_is_known_by_its_suffix_or_its_first_line(name: str, head: bytes, *, wanted: bool) -> None:
    assert wanted is Shell().wants(Path(name), head)


def test_a_script_whose_suffix_says_nothing_is_known_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "info.cgi").write_text("#!/bin/sh\necho ${QUERY_STRING:-}\n", encoding="utf-8")
    (tmp_path / "AppRun.template").write_text("#!/bin/bash\n%CASES%\nexec $A\n", encoding="utf-8")
    (tmp_path / "nginx.conf.template").write_text("server { root $B; }\n", encoding="utf-8")
    (tmp_path / "run.txt").write_text("#!/bin/sh\necho $C\n", encoding="utf-8")
    expected = {"A": "optional", "QUERY_STRING": "default"}
    assert expected == {variable.name: variable.need for variable in scan(tmp_path).variables}


def test_a_missing_file_and_a_broken_script_are_survived(tmp_path: Path) -> None:
    (tmp_path / "b.sh").write_bytes(b'if [ -z "$A" ; then ((\n\xff\xfe \'x\n')
    both = Shell().read(tmp_path, [Path("a.sh"), Path("b.sh")])
    assert [("a.sh", "it can't be read: No such file or directory", 0)] == both.skipped


def test_a_script_of_another_language_is_not_read_by_its_suffix(tmp_path: Path) -> None:
    assert {} == needs(tmp_path, a="#!/usr/bin/env python3\nprint(f'x', $A)\n")
