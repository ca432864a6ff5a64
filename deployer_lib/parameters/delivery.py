"""What an environment may say of the project, its build and its deployment: one class a section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deployer_lib.catalogue import Severity  # noqa: TC001  (pydantic reads it when the class is made)
from deployer_lib.parameters import rules
from deployer_lib.parameters.fields import Argv, RequestPath, Seconds, SecretText, Section

__all__ = [
    "ArtifactGiven",
    "Build",
    "Capabilities",
    "Configuration",
    "ConfigurationRule",
    "Coordination",
    "Deploy",
    "Install",
    "Preflight",
    "Project",
    "Ready",
    "Rollback",
    "Step",
    "TestSuite",
    "Variables",
]


class Project(Section):
    """The application under release."""

    path: str = "."
    """Folder of the project, relative to the folder that holds parameters/."""
    name: str = ""
    """Name of the application; taken from its manifest where empty."""
    stack: Literal["python", "node", "rust", ""] = ""
    """What it is written in; found from its manifest where empty."""
    exclude: list[str] = Field(default=[])
    """Patterns (gitignore style) of files that are left out of the working copy, besides what git ignores."""
    patches: list[str] = Field(default=[])
    """Patch files that are applied to the working copy, to try what they would do; never to the project itself."""


class Coordination(Section):
    """The folder that other roles read and write."""

    dir: str = "_coordination"
    """Folder with ARCHITECTURE.md, TEST_REPORT.md and NEXT_ACTIONS.md, relative to the project."""
    publish_to: str = ""
    """Folder to which DEPLOYMENT_LOG.md and NEXT_ACTIONS.md are published, relative to the folder that holds
    parameters/; ``dir`` where empty."""


class TestSuite(Section):
    """How the project's own tests are run."""

    __test__ = False  # not a test class, whatever its name

    command: Argv
    """Command that runs the tests, in the working copy."""
    report: str = ""
    """JUnit XML that the command writes, relative to the working copy."""
    timeout_s: Seconds = 300
    """Time limit in seconds."""
    variables: dict[str, SecretText] = Field(default={})
    """Environment variables of the command."""


class Preflight(Section):
    """Whether this round may deploy at all."""

    tests: TestSuite | None = None
    """The test suite; without it the test report's text is read."""


class Install(Section):
    """The clean install."""

    command: Argv | None = None
    """Command that installs from the lock file, in the working copy; found from the stack where absent."""
    timeout_s: Seconds = 300
    """Time limit in seconds."""
    scripts: bool = False
    """Whether install scripts of packages may run in the clean install, and source distributions be built: both run code of strangers."""
    imports: bool = True
    """Whether the project's own Python package is imported after the clean install, which runs its code."""


class Variables(Section):
    """Environment variables of the application."""

    example: str = ""
    """The example file, relative to the project; .env.example and its usual names where empty."""
    documents: list[str] = Field(default=[])
    """Documents that describe variables; README and docs/ where empty."""
    ignore: dict[str, str] = Field(default={})
    """Names that are left out, each with the reason."""


class ConfigurationRule(Section):
    """A rule that the configuration of production keeps."""

    name: Annotated[str, Field(min_length=1)]
    """What the record calls it (database uses TLS)."""
    file: str = ""
    """Configuration file, relative to the project: YAML, JSON, TOML, .env, INI, properties, Python or JavaScript settings."""
    holds: Annotated[str, Field(min_length=1)]
    """CEL over config (what the file says) and env (deploy.variables) that must hold (config.database.ssl == true). What
    .env, INI and properties files and env hold is text (env.DB_SSL == "true")."""
    severity: Severity | None = None
    """How much breaking it weighs; what environment.configuration weighs where absent."""
    fix: str = ""
    """What to write instead, for the finding."""


class Configuration(Section):
    """Rules for the configuration of production."""

    rules: list[ConfigurationRule] = Field(default=[])
    """Rules of the team."""
    starter: bool = True
    """Whether the four starter rules are held too: database TLS, CORS origins, log level, rate limit. A rule for which
    no setting is found does not apply."""
    files: list[str] = Field(default=[])
    """Further configuration files for the starter rules, relative to the project; production's usual ones are found."""


class Build(Section):
    """The production build."""

    command: Argv
    """Command that builds, in the working copy."""
    output: list[str] = Field(default=["dist"])
    """Files and folders that the build makes."""
    clean: list[str] = Field(default=[])
    """Files and folders that Deployer removes before the build, where the build does not do so itself."""
    artifact: str = ""
    """Pattern of the file that is deployed (dist/*.whl); the first output as a whole where empty."""
    info: str = ""
    """JSON file that the build writes ({"build_id", "version", "commit"}), so that the answering build can be told."""
    bundle: str = ""
    """Folder of the web bundle that browsers load, for size budgets."""
    timeout_s: Seconds = 600
    """Time limit in seconds."""
    variables: dict[str, SecretText] = Field(default={})
    """Environment variables of the build."""
    max_bundle_kb: Annotated[float, Field(gt=0)] = 1000
    """Budget for the whole web bundle, raw, in units of 1,000 bytes."""
    max_chunk_kb: Annotated[float, Field(gt=0)] = 300
    """Budget for one script or style sheet, raw, in units of 1,000 bytes."""
    max_output_kb: Annotated[float, Field(gt=0)] = 100_000
    """Budget for the whole output, raw, in units of 1,000 bytes."""


class ArtifactGiven(Section):
    """An artifact that was built elsewhere: it is verified and deployed, not built again."""

    path: str
    """File or folder, relative to the folder that holds parameters/."""
    digest: Annotated[str, rules.Rule(rules.digest)]
    """Its digest, sha256:…; the run ends here when it differs."""
    name: str = ""
    """Its name; the file's where empty."""
    commit: str = ""
    """Commit that it was built from."""


class Step(Section):
    """One command of a deployment."""

    name: str
    """What it does, as the record says it (upload, migrate)."""
    command: Argv
    """The command."""
    timeout_s: Seconds = 120
    """Time limit in seconds."""


class Ready(Section):
    """When a deployment counts as up."""

    path: RequestPath = "/health"
    """Path that is asked."""
    status: int = 200
    """Status that it answers."""
    expect: str = ""
    """CEL over status, headers, text and json that must hold too (json.status == "ok")."""
    within_s: Seconds = 30
    """Time limit in seconds until it answers."""
    times: Annotated[int, Field(ge=1, le=100)] = 3
    """How many answers in a row count as ready."""
    version_path: RequestPath = ""
    """Path whose JSON answers the version, the build id or the commit that runs."""


class Rollback(Section):
    """How to go back."""

    steps: list[Step] = Field(default=[])
    """Commands that bring the previous version back; the process is restarted after them."""
    risk: Literal["LOW", "MEDIUM", "HIGH", ""] = ""
    """The risk of going back; empty is asked for by a finding."""
    why: str = ""
    """Why the risk is what it is."""
    on_failure: bool = False
    """Whether a failed deployment is rolled back at once, and verified like a deployment."""
    rehearse: bool = False
    """Deeper: the way back is gone once in a scratch place: two releases are installed, the second is taken back, and what
    then stands is started. For a process whose steps keep what they make below {state}."""


class Capabilities(Section):
    """One command a capability for targets that are not local processes (kubectl, compose, systemctl, ssh).

    Each prints one JSON document; ``{}`` placeholders as in steps.
    """

    deploy: Argv | None = None
    """Deploys; prints {"version"} or nothing."""
    rollback: Argv | None = None
    """Brings the previous version back."""
    instances: Argv | None = None
    """Prints [{"name", "address", "running"}]."""
    artifact: Argv | None = None
    """Prints {"name", "digest", "commit", "version"} of what runs."""
    logs: Argv | None = None
    """Prints log lines since {since} as plain text."""
    restarts: Argv | None = None
    """Prints a number of restarts since the deployment."""
    variables: Argv | None = None
    """Prints the names of the variables that are set, as a JSON list."""
    timeout_s: Seconds = 60
    """Time limit of each in seconds."""


class Deploy(Section):
    """Where the application runs and how it comes there."""

    kind: Annotated[str, rules.Rule(rules.target_kind)]
    """process: started here; command: by declared commands; none: somebody else deployed, verify only; or one that an
    installed package brings along (entry points `deployer.targets`)."""
    address: Annotated[str, rules.Rule(rules.url)] = ""
    """Base URL that users reach (https://shop.example); for a process http://127.0.0.1:<port> where empty."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of a process; 0 takes a free one."""
    steps: list[Step] = Field(default=[])
    """Commands before the start: install, migrate. {artifact}, {project}, {state}, {release}, {port} are filled in."""
    start: Argv | None = None
    """Command of the process."""
    variables: dict[str, SecretText] = Field(default={})
    """Environment variables of the process and its steps; nothing else of this machine's environment reaches them."""
    restart: Literal["never", "on-failure"] = "never"
    """Whether the process is started again when it ends by itself."""
    stop_after: bool = False
    """Whether the process is stopped when the run ends."""
    stop_timeout_s: Seconds = 10
    """Time in seconds between asking the process to end and ending it."""
    ready: Ready = Ready()
    """When it counts as up."""
    rollback: Rollback = Rollback()
    """How to go back."""
    commands: Capabilities | None = None
    """For kind command."""
