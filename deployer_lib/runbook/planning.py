"""Say what a run would do and with which effects, without touching anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer_lib.catalogue import CATALOGUE, Effect
from deployer_lib.parameters.effects import allowed_effects
from deployer_lib.parameters.reader import load
from deployer_lib.runbook.notebooks import Notebook, choose

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Plan", "plan_run"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do."""

    environment: str
    target: str
    allowed: tuple[str, ...]
    notebooks: tuple[Notebook, ...]
    checks: tuple[dict[str, Any], ...]  # id, phase, title, effect, would
    commands: tuple[tuple[str, str], ...]  # what, argv as text

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``deployer plan --json``."""
        return {
            "schema": "plan/1",
            "environment": self.environment,
            "target": self.target,
            "allowed": list(self.allowed),
            "phases": [notebook.phase for notebook in self.notebooks],
            "notebooks": [
                {"name": n.name, "phase": n.phase, "origin": n.origin, **n.settings.to_json()}
                for n in self.notebooks
            ],
            "checks": list(self.checks),
            "commands": [{"what": what, "command": command} for what, command in self.commands],
        }

    def to_text(self) -> str:
        """Return the plan for people."""
        lines = [f"{self.environment}: {self.target}", f"effects allowed: {', '.join(self.allowed)}", ""]
        lines += [f"  {what}: {command}" for what, command in self.commands]
        phase = ""
        for check in self.checks:
            if check["phase"] != phase:
                phase = check["phase"]
                lines += ["", phase]
            lines.append(f"  {check['effect']:<8} {check['id']:<32} {check['would']}")
        own = [n for n in self.notebooks if n.origin != "packaged"]
        if own:
            lines += ["", "notebooks of this project"]
        lines += [f"  {n.name:<32} {n.origin}{_said(n)}" for n in own]
        return "\n".join(lines) + "\n"


def plan_run(root: Path, environment: str) -> Plan:
    """Return what a run of an environment would do.

    Raises:
        ParametersError: the environment's file is wrong.
    """
    parameters = load(root, environment).parameters
    allowed = allowed_effects(parameters)
    confirmed = not parameters.protected or parameters.confirm == parameters.environment
    checks = []
    for spec in CATALOGUE.values():
        if parameters.not_applicable.get(spec.id):
            would = f"not applicable: {parameters.not_applicable[spec.id]}"
        elif why := spec.left_out(parameters.profile, parameters.level):
            would = f"not applicable: {why}"
        elif spec.effect not in allowed:
            would = "not allowed: skipped"
        elif spec.effect is not Effect.OBSERVE and not confirmed:
            would = f"needs --yes {environment}"
        else:
            would = spec.title
        checks.append(
            {
                "id": spec.id,
                "phase": spec.phase,
                "title": spec.title,
                "effect": spec.effect.value,
                "would": would,
            }
        )
    deploy = parameters.deploy
    commands = []
    if parameters.preflight.tests:
        commands.append(("tests", _text(parameters.preflight.tests.command)))
    if parameters.artifact:
        commands.append(("artifact", f"{parameters.artifact.path} is verified, not built"))
    elif parameters.build:
        commands.append(("build", _text(parameters.build.command)))
    commands += [(f"deploy, {step.name}", _text(step.command)) for step in deploy.steps]
    if deploy.start:
        commands.append(("start", _text(deploy.start)))
    return Plan(
        environment,
        deploy.address or f"a {deploy.kind} that is started here",
        tuple(effect.value for effect in Effect if effect in allowed),
        tuple(choose(root)),
        tuple(checks),
        tuple(commands),
    )


def _said(notebook: Notebook) -> str:
    """Return what a notebook says of itself, in words."""
    settings = notebook.settings
    said = [
        "" if settings.gate is None else "a gate" if settings.gate else "no gate",
        "" if settings.share is None else f"{settings.share:.0%} of the time",
        "" if settings.effects is None else f"effects {', '.join(settings.effects)}",
    ]
    return "".join(f", {part}" for part in said if part)


def _text(argv: list[Any]) -> str:
    return " ".join(str(word) for word in argv)
