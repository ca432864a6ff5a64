"""What the reader of manifests, units and hosts' descriptions finds, rule by rule."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from deployer_lib.probes.variables.languages.manifests import Manifests

if TYPE_CHECKING:
    from deployer_lib.probes.variables.model import Found


def found(root: Path, name: str, text: str) -> Found:
    (root / name).write_text(dedent(text), encoding="utf-8")
    return Manifests().read(root, [Path(name)])


def needs(root: Path, name: str, text: str) -> dict[str, str]:
    result = found(root, name, text)
    assert [] == result.skipped
    return {read.name: read.need for read in result.reads}


POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: ${NAME:-web} # ${COMMENTED}
spec:
  containers:
    - name: a
      image: x:${TAG}
      command: ["run", "--host=$(HOST)", "--port=$(PORT)", "$$(ESCAPED)", "$(date)"]
      env:
        - name: HOST
          value: localhost
        - name: URL
          value: http://$(HOST):$(OTHER)/${PREFIX}
    - name: b
      image: y
      command: ["/bin/sh", "-c"]
      args:
        - |
          X=1
          echo $X $HOST ${DEPTH:-1} '$QUOTED'
      env:
        - {name: DEFINED, value: "1"}
"""


def test_what_a_container_does_not_define_is_left_to_be_filled_in(tmp_path: Path) -> None:
    """``$(X)`` of a defined name, escapes and small letters are none."""
    assert {
        "NAME": "default",
        "TAG": "optional",
        "PORT": "optional",
        "OTHER": "optional",
        "PREFIX": "optional",
        "HOST": "optional",  # of the second container's shell
        "DEPTH": "default",
    } == needs(tmp_path, "pod.yaml", POD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: {x: '${A}'}\n", {}),
        ("apiVersion: v1\nkind: ConfigMap\ndata:\n  a.json: '${A}'\n  b.conf: '${B} $C ${d}'\n", {"B": "optional"}),
        ("apiVersion: v1\nkind: ConfigMap\ndata:\n  run.sh: |\n    #!/bin/sh\n    A=1\n    echo $A ${B:?no}\n", {"B": "required"}),
        ("apiVersion: v1\nkind: ConfigMap\ndata:\n  run.py: |\n    #!/usr/bin/python\n    '${A}'\n", {}),
        ("apiVersion: v1\nkind: Template\nparameters:\n  - name: A\nobjects:\n  - x: ${A}-${B}\n", {"B": "optional"}),
        ("apiVersion: v1\nkind: Secret\nstringData:\n  a: ${A}\n---\napiVersion: v1\nkind: Service\nspec: {x: '${B:=b}'}\n",
         {"A": "optional", "B": "default"}),
        ("on: push\njobs:\n  a: ${{ secrets.A }} ${B}\n", {}),
    ],
)  # fmt: skip
def test_kinds_are_read_for_what_they_are(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    assert expected == needs(tmp_path, "a.yaml", text)


def test_a_helm_template_is_read_line_by_line(tmp_path: Path) -> None:
    text = """\
        apiVersion: v1
        kind: Pod
        spec:
          containers:
            {{- range .Values.all }}
            - name: {{ .name }}
              args: ["$(A)", "$(B)", "${C}"] # ${D}
              env:
                - name: A
                  value: {{ .value | quote }}
            {{- end }}
        """
    assert {"B": "optional", "C": "optional"} == needs(tmp_path, "pod.yaml", text)


def test_what_a_kustomization_fills_in_is_no_reference(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("vars:\n  - name: A\n", encoding="utf-8")
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{args: ['$(A)', '$(B)']}]}\n", encoding="utf-8"
    )
    read = Manifests().read(tmp_path, [Path("kustomization.yaml"), Path("pod.yaml")]).reads
    assert ["B"] == [one.name for one in read]


def test_a_manifest_that_does_not_parse_is_named_with_its_line(tmp_path: Path) -> None:
    ((path, why, line),) = found(tmp_path, "a.yml", "apiVersion: v1\nkind: Pod\nspec: [${A}\nx: }\n").skipped
    assert ("a.yml", 3) == (path, line)
    assert "it does not parse" in why


def test_other_yaml_that_does_not_parse_is_nobody_s_concern(tmp_path: Path) -> None:
    assert {} == needs(tmp_path, "a.yml", "x: [${A}\ny: }\n")


def test_a_unit_is_filled_in_by_systemd(tmp_path: Path) -> None:
    text = """\
        [Unit]
        Description=${TITLE}
        [Service]
        Environment="A=1" B=2
        EnvironmentFile=/etc/x
        PassEnvironment=C D
        # ExecStart=${COMMENTED}
        ExecStart=/bin/run $A ${B} ${E} \\
            --port $F $$G
        ExecReload=/bin/kill -HUP $MAINPID
        ExecStop=/bin/sh -c 'X=1; echo $X ${H:-h}'
        """
    assert {"C": "optional", "D": "optional", "E": "optional", "F": "optional", "H": "default"} == needs(
        tmp_path, "web.service", text
    )
    assert {} == needs(tmp_path, "dbus.service", "[D-BUS Service]\nExec=/bin/x ${A}\n")


def test_a_procfile_is_run_by_a_shell(tmp_path: Path) -> None:
    result = found(tmp_path, "Procfile", "web: serve --port $PORT\n# x: $A\nworker: X=1; echo $X ${N:-2}\n")
    assert [("PORT", "optional", 1, 19), ("N", "default", 3, 22)] == [
        (r.name, r.need, r.reference.line, r.reference.column) for r in result.reads
    ]


def test_heroku_s_app_json_says_what_must_be_given(tmp_path: Path) -> None:
    text = """\
        {"env": {"A": {"description": "x"}, "B": {"required": false}, "C": {"value": "1"},
         "D": {"generator": "secret"}, "E": "5"}}
        """
    assert {"A": "required", "B": "optional", "C": "default", "D": "default", "E": "default"} == needs(
        tmp_path, "app.json", text
    )
    assert {} == needs(tmp_path, "app.json", '{"expo": {"name": "x"}, "env": {"A": {}}}')
    assert {} == needs(tmp_path, "app.json", "[1]")
    assert [("app.json", 1)] == [
        (p, n) for p, _, n in found(tmp_path, "app.json", '{"buildpacks": [], "env": {').skipped
    ]


def test_render_and_heroku_run_commands(tmp_path: Path) -> None:
    text = """\
        services:
          - type: web
            startCommand: serve --port $PORT
            envVars:
              - {key: A, sync: false}
              - {key: B, value: 1}
        """
    assert {"PORT": "optional", "A": "optional"} == needs(tmp_path, "render.yaml", text)
    assert {"PORT": "optional", "N": "default"} == needs(
        tmp_path, "heroku.yml", "run:\n  web: serve $PORT\n  w:\n    command:\n      - work ${N:-1}\n"
    )


@pytest.mark.parametrize(
    ("name", "head", "wanted"),
    [
        ("deployment.yaml", b"", True),
        ("values.yml", b"", True),
        ("docker-compose.yml", b"", False),
        ("web.service", b"", True),
        ("Procfile", b"", True),
        ("Procfile.dev", b"", True),
        ("app.json", b'{"name": "x"', True),
        ("app.json", b'{"expo": {', False),
        ("package.json", b"", False),
        ("Makefile", b"", False),
    ],
)
def test_a_manifest_is_known_by_its_name(name: str, head: bytes, *, wanted: bool) -> None:
    assert wanted is Manifests().wants(Path(name), head)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    skipped = Manifests().read(tmp_path, [Path("a.yaml")]).skipped
    assert [("a.yaml", "it can't be read: No such file or directory", 0)] == skipped
