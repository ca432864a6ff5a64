"""Open what a phase works with: parameters, secrets, guard, client, target and folders."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from deployer_lib.app.handover import Live, read_live
from deployer_lib.app.http import Answer, EvidenceLevel, Http
from deployer_lib.app.opening import open_target
from deployer_lib.app.protected import protected_addresses
from deployer_lib.app.workspace import make_workspace
from deployer_lib.errors import DeployerError
from deployer_lib.expect import holds, values_of
from deployer_lib.guard import Guard, host_key
from deployer_lib.notebook_settings import NotebookSettings, own_settings
from deployer_lib.parameters import Loaded, find_root, load
from deployer_lib.parameters.effects import allowed_effects
from deployer_lib.places import Places, RunSetting, new_run_id
from deployer_lib.probes.context import TOKEN_NAME, Context
from deployer_lib.redaction import Redactor
from deployer_lib.redaction_kernel import TokenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer_lib.parameters.model import Parameters

__all__ = ["Session", "open_session"]

_LOOPBACK: Final = "127.0.0.1"
_MAKES_A_WORKING_COPY: Final = frozenset({"preflight", "environment", "build"})


@dataclass(slots=True)
class Session:
    """Everything that one kernel's phase works with."""

    phase: str
    places: Places
    setting: RunSetting
    loaded: Loaded
    redactor: Redactor
    tokens: TokenFile
    context: Context
    settings: NotebookSettings  # what the project's own notebook of this phase says of itself

    @property
    def parameters(self) -> Parameters:
        """Return the effective parameters."""
        return self.loaded.parameters

    @property
    def run_dir(self) -> Path:
        """Return the folder of the run."""
        return Path(self.setting.run_dir)

    def refresh(self) -> None:
        """Take over what a check handed on by live.json: a deployment changes the address that is asked."""
        context = self.context
        context.live = read_live(self.places.records)
        if context.live and context.live.base_url and not self.parameters.deploy.address:
            parts = urlsplit(context.live.base_url)
            context.guard.hosts.add(host_key(parts.scheme, parts.hostname or "", parts.port))
            context.http.base_url = context.live.base_url

    def give_back(self) -> None:
        """Give connections and scratch folders back."""
        self.context.http.close()
        shutil.rmtree(self.context.scratch, ignore_errors=True)


def open_session(
    phase: str,
    injected: Mapping[str, Any],
    progress: Callable[[str], None],
    *,
    root: Path | None = None,
    setting: RunSetting | None = None,
) -> Session:
    """Read the parameters and open guard, client, target and folders.

    Raises:
        ParametersError: before anything was touched.
        HandoverError: live.json is torn.
    """
    root = root or find_root(Path.cwd(), os.environ)
    environment = str(injected.get("environment") or "")
    loaded = load(root, environment, injected={k: v for k, v in injected.items() if k != "environment"})
    setting = setting or RunSetting.from_environment(os.environ)
    places = Places.of(
        root, loaded.parameters.environment, Path(setting.outputs) if setting and setting.outputs else None
    )
    places.make()
    if setting is None:
        run = new_run_id()
        setting = RunSetting(run, str(places.records / "adhoc" / run), first="preflight", planned=(phase,))
    settings = own_settings(root, phase)
    redactor, tokens = _secrets(loaded, places)
    context = _context(phase, loaded, places, setting, redactor, tokens, progress)
    if settings.effects is not None:
        context.guard.restrict(settings.effects, f"the notebook of {phase}")
    return Session(phase, places, setting, loaded, redactor, tokens, context, settings)


def _secrets(loaded: Loaded, places: Places) -> tuple[Redactor, TokenFile]:
    redactor = Redactor()
    for secret in loaded.secrets():
        redactor.add(secret.resolve(root=places.root, made=places.made), name=secret.reference)
    tokens = TokenFile(places.runtime)
    for name, value in tokens.load():
        redactor.add(value, name=name)
    return redactor, tokens


def _context(
    phase: str,
    loaded: Loaded,
    places: Places,
    setting: RunSetting,
    redactor: Redactor,
    tokens: TokenFile,
    progress: Callable[[str], None],
) -> Context:
    parameters = loaded.parameters
    live = read_live(places.records)
    guard = Guard(
        parameters.environment,
        allowed_effects(parameters),
        {host_key("http", host, None) if ":" not in host else _host_port(host) for host in parameters.hosts},
        max_requests=parameters.max_requests,
        protected=parameters.protected,
        confirmed=parameters.confirm == parameters.environment,
        protected_addresses=protected_addresses(places.root, parameters.environment),
    )
    project = (places.root / parameters.project.path).resolve()
    workspace, commit = _workspace(phase, parameters, places, setting.run, project, live)
    ready = parameters.deploy.ready.expect

    def accepts(answer: Answer) -> bool:
        return not ready or holds(ready, values_of(answer)).held is True

    target = open_target(
        parameters,
        guard,
        root=places.root,
        outputs_env=places.records,
        state=places.state,
        run=setting.run,
        project_workspace=workspace,
        accepts=accepts,
    )
    base_url = parameters.deploy.address or (live.base_url if live else "") or f"http://{_LOOPBACK}:9"
    parts = urlsplit(base_url)
    guard.hosts.add(host_key(parts.scheme, parts.hostname or "", parts.port))
    level: EvidenceLevel = parameters.evidence or ("shape" if parameters.protected else "full")
    http = Http(guard, base_url, run=setting.run, level=level)

    def hide(value: str, name: str) -> None:
        redactor.add(value, name=name)
        tokens.append(value, name)

    def keep(name: str, data: bytes) -> str:
        return _keep(Path(setting.run_dir), name, data, redactor)

    def propose(name: str, text: str) -> str:
        path = Path(setting.run_dir) / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(redactor.redact_text(text, place=name), encoding="utf-8")
        return path.name

    return Context(
        parameters=parameters,
        guard=guard,
        http=http,
        target=target,
        live=live,
        places=places,
        root=places.root,
        # Patches are tried on the working copy; then it is the one to read, too.
        project=workspace if parameters.project.patches else project,
        workspace=workspace,
        scratch=Path(tempfile.mkdtemp(prefix=f"{phase}-", dir=_scratch(places))),
        progress=progress,
        hide=hide,
        keep=keep,
        propose=propose,
        commit=commit,
        # A log-in of an earlier phase of this run serves here too: a limit on log-ins is not used up twice.
        memo=_handed_over(tokens) if setting.mode == "batch" else {},
    )


def _handed_over(tokens: TokenFile) -> dict[str, object]:
    found = [value for name, value in tokens.load() if name == TOKEN_NAME]
    return {"token": found[-1]} if found else {}


def _scratch(places: Places) -> Path:
    folder = places.state / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _host_port(text: str) -> tuple[str, int]:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    return host_key(parts.scheme, parts.hostname or "", parts.port)


def _workspace(
    phase: str, parameters: Parameters, places: Places, run: str, project: Path, live: Live | None
) -> tuple[Path, str]:
    """Return the working copy, made anew by the first phase of a run that needs it, and its commit."""
    marker = places.state / "work.json"
    made = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else {}
    if (
        made
        and (places.work / made["run"]).is_dir()
        and (made["run"] == run or phase not in _MAKES_A_WORKING_COPY)
    ):
        return places.work / made["run"], made["commit"]
    if not project.is_dir():
        raise DeployerError(
            f"The project folder {parameters.project.path} does not exist.",
            hint=f"project.path in parameters/{parameters.environment}.yaml is relative to the folder that holds parameters/.",
        )
    marker.unlink(missing_ok=True)
    used = {run, live.run} if live and live.pid else {run}
    for old in places.work.glob("*"):
        if old.name not in used:
            shutil.rmtree(old, ignore_errors=True)
    copy = make_workspace(
        project,
        places.work / run,
        exclude=parameters.project.exclude,
        patches=parameters.project.patches,
        root=places.root,
    )
    commit = parameters.commit or (f"{copy.commit}+" if copy.commit and copy.dirty else copy.commit)
    marker.write_text(json.dumps({"run": run, "commit": commit}), encoding="utf-8")
    return copy.path, commit


def _keep(run_dir: Path, name: str, data: bytes, redactor: Redactor) -> str:
    """Write evidence under its digest, redacted where it is text, and return its path in the run."""
    with contextlib.suppress(
        UnicodeDecodeError
    ):  # binary evidence is scanned, like every file, before the seal
        data = redactor.redact_text(data.decode("utf-8"), place=name).encode()
    digest = hashlib.sha256(data).hexdigest()
    folder = run_dir / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / digest
    if not path.exists():
        fresh = folder / f".{digest}.{os.getpid()}"
        fresh.write_bytes(data)
        fresh.replace(path)
    return f"evidence/{digest}"


def actor(environ: Mapping[str, str]) -> dict[str, str | bool]:
    """Return who runs it: the CI's actor where a CI says so, else the account; never verified here."""
    for variable in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME"):
        if environ.get(variable):
            return {"name": environ[variable], "source": "ci", "verified": False}
    try:
        return {"name": getpass.getuser(), "source": "os", "verified": False}
    except (OSError, KeyError):
        return {"name": "not recorded", "source": "os", "verified": False}
