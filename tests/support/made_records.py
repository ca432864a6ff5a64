"""Records as runs leave them: a sound one, and one with eight findings, for every test of the reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deployer_lib.catalogue import CATALOGUE, PHASES, Level, Profile, Severity
from deployer_lib.check import Check, Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.record import Earlier, Inputs, PhaseRecord, Record, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW = "2024-01-15T14:27:02.000Z"


def inputs(**changes: Any) -> Inputs:
    """Return the inputs of a third run against staging."""
    made = Inputs(
        run="01HM6QZ8Y3V9K2T4B5N6P7R8S9",
        environment="staging",
        round=3,
        history=True,
        now=NOW,
        mode="batch",
        trigger="deploy",
        budget_s=900.0,
        actor={"name": "Ada", "source": "os", "verified": False},
        change={"ticket": "SHOP-41", "category": "standard"},
        approvals=({"by": "Grace", "at": "2024-01-15", "note": ""},),
        block_on="critical",
        required=None,
        profile="web",
        target="http://127.0.0.1:8000",
        parameters_digest="sha256:1f2e",
        allowed=("observe", "write", "stress", "disrupt"),
        next_actions=None,
        earlier=(
            earlier(
                2,
                {"smoke.health:/health": "GET /health answered 500.", "build.size:app.js": "app.js is big."},
            ),
            earlier(1, {"smoke.cors:https://shop.example": "The front end is refused."}),
        ),
        planned=PHASES,
    )
    return replace(made, **changes)


def earlier(number: int, findings: Mapping[str, str], **changes: Any) -> Earlier:
    """Return an earlier run."""
    made = Earlier(
        f"run{number}",
        number,
        "no-go",
        "2024-01-14T10:00:00.000Z",
        f"1.{number}.0",
        f"sha256:{number}",
        findings,
    )
    return replace(made, **changes)


def check(id_: str, result: Result, severity: Severity | None = None) -> Check:
    """Return a result as the phase would keep it, also for ids that the catalogue does not have."""
    if id_ not in CATALOGUE:
        row = CATALOGUE["smoke.endpoints"]
        return Check(
            id_,
            "K7",
            "smoke",
            "A claim of the team's",
            row.effect,
            severity or Severity.HIGH,
            result,
            NOW,
        )
    row = CATALOGUE[id_]
    weight = severity or result.severity or row.severity
    return Check(id_, row.row, row.phase, row.title, row.effect, weight, result, NOW, 12.5, box=row.box)


_EVIDENCE: dict[str, dict[str, Any]] = {
    "build.run": {
        "duration_s": 41.2,
        "warnings": ["(!) app.js is over 300 kB"],
        "errors": [],
        "command": "npm run build",
    },
    "build.size": {
        "raw_bytes": 1_204_000,
        "gzip_bytes": 387_000,
        "files": [
            {"path": "dist/app.js", "raw_bytes": 1_100_000, "gzip_bytes": 340_000},
            {"path": "dist/style.css", "raw_bytes": 104_000, "gzip_bytes": 47_000},
        ],
    },
    "deploy.run": {
        "duration_s": 154.0,
        "deployed_at": "2024-01-15T14:30:00.000Z",
        "version": "1.2.3",
        "base_url": "http://127.0.0.1:8000",
        "artifact": {"name": "shop-1.2.3.tar", "digest": "sha256:ab", "commit": "deadbee"},
    },
    "deploy.rollback_plan": {
        "current": "1.2.3",
        "previous": "1.2.0",
        "command": "python scripts/deploy.py rollback 1.2.0",
        "risk": "LOW",
        "why": "the schema did not change",
    },
    "health.load_quick": {
        "requests": 100,
        "concurrent": 10,
        "mean_ms": 145.2,
        "max_ms": 310.0,
        "p95_ms": 260.4,
        "errors": 0,
        "throughput_per_s": 68.4,
        "target_mean_ms": 200.0,
    },
    "health.load_sustained": {
        "requests": 2_034,
        "concurrent": 50,
        "duration_s": 30.02,
        "mean_ms": 162.8,
        "max_ms": 420.0,
        "p95_ms": 290.1,
        "errors": 0,
        "socket_errors": 0,
        "throughput_per_s": 67.8,
        "target_mean_ms": 200.0,
    },
}
_SUBJECTS = {
    "environment.variables_set": ("DATABASE_URL", "SECRET_KEY"),
    "environment.variables_documented": ("DATABASE_URL", "SECRET_KEY", "LOG_LEVEL"),
    "smoke.endpoints": ("GET /api/products", "GET /api/orders"),
}


def sound_checks() -> dict[str, list[Check]]:
    """Return one passing check for every row of the catalogue but the report's own, some with several subjects."""
    made = {}
    for id_, row in CATALOGUE.items():
        if row.phase == "report" or row.left_out(Profile.WEB, Level.QUICK):
            continue
        evidence = dict(_EVIDENCE.get(id_, {"seen": True}))
        if id_.startswith("environment.variables_"):
            evidence = {
                "set": True,
                "in_example": True,
                "documented": True,
                "need": "required",
                "default": None,
            }
        subjects = _SUBJECTS.get(id_, ("",))
        made[id_] = [check(id_, passed(f"{row.title}, as observed", subject=s, **evidence)) for s in subjects]
    return made


def record(
    checks: Mapping[str, Iterable[Check]] | None = None, *, given: Inputs | None = None, **changes: Any
) -> Record:
    """Return a record of seven phases over these checks, by id; a sound one where none are given."""
    all_ = [one for those in (checks or sound_checks()).values() for one in those]
    phases = tuple(
        PhaseRecord(
            name,
            State.DONE,
            f"{number:02}_{name}.ipynb",
            tuple(one for one in all_ if one.phase == name),
            f"2024-01-15T14:{27 + number:02}:02.000Z",
            20.0 + number,
        )
        for number, name in enumerate(PHASES[:-1])
    )
    return replace(Record(given or inputs(), phases), **changes)


def with_results(*pairs: tuple[str, Result]) -> dict[str, list[Check]]:
    """Return sound checks in which those of these ids are replaced by these results."""
    made = sound_checks()
    for id_ in dict(pairs):
        made[id_] = []
    for id_, result in pairs:
        made[id_].append(check(id_, result))
    return made


def faulty_checks() -> dict[str, list[Check]]:
    """Return what a run with eight findings saw, one of them on each kind of place."""
    return with_results(
        (
            "smoke.health",
            failed(
                'GET /health answered 503 with {"status": "down"} instead of 200.',
                subject="/health",
                root_cause="The handler asks the database first, and the pool has no connection left: "
                "pool_size is 1 while the server runs 4 workers.",
                impact="The load balancer takes the instance out. Users see 502 on every page.",
                fix=Fix(
                    ("Give the pool a connection for each worker", "Restart, and ask /health three times"),
                    (
                        Code(
                            "src/shop/db.py",
                            "engine = create_engine(url, pool_size=4, pool_timeout=2)",
                            18,
                            "python",
                        ),
                    ),
                    "https://docs.sqlalchemy.org/en/20/core/pooling.html",
                    15,
                ),
                locations=[Location("src/shop/db.py", 18), Location("src/shop/health.py", 31)],
                status=503,
                body='{"status": "down",\n "error": "QueuePool limit of size 1 overflow 0 reached"}',
                attempts=3,
            ),
        ),
        (
            "environment.variables_set",
            failed(
                "SECRET_KEY is required and not set.",
                subject="SECRET_KEY",
                root_cause="src/shop/settings.py reads it without a default; staging.yaml does not set it.",
                impact="The application does not start. Log-ins can't be signed.",
                fix=Fix(
                    ("Make a value and set it in the environment",),
                    (
                        Code(
                            "a shell",
                            "python -c 'import secrets; print(secrets.token_urlsafe(32))'",
                            0,
                            "bash",
                        ),
                        Code(
                            "parameters/staging.yaml",
                            "deploy:\n  variables:\n    SECRET_KEY: ${env:SHOP_SECRET_KEY}",
                            22,
                            "yaml",
                        ),
                    ),
                    "https://12factor.net/config",
                    5,
                ),
                locations=[Location("src/shop/settings.py", 12)],
                set=False,
                need="required",
            ),
        ),
        (
            "environment.variables_set",
            passed("DATABASE_URL is set.", subject="DATABASE_URL", set=True, need="required"),
        ),
        (
            "smoke.cors",
            failed(
                "OPTIONS /api/products from https://shop.example got no Access-Control-Allow-Origin.",
                subject="https://shop.example",
                root_cause="allow_origins lists http://, the front end is served by https://.",
                impact="Browsers refuse every call of the shop's front end.",
                fix=Fix(
                    ("Name the origin as it is served",),
                    (
                        Code(
                            "src/shop/app.ts",
                            "app.use(cors({ origin: 'https://shop.example' }))",
                            9,
                            "typescript",
                        ),
                    ),
                    "https://developer.mozilla.org/docs/Web/HTTP/CORS",
                    10,
                ),
                locations=[Location("src/shop/app.ts", 9)],
                status=200,
                headers={"content-length": "0"},
            ),
        ),
        (
            "smoke.endpoints",
            failed(
                "GET /api/orders answered 500 instead of 200.\nTraceback (most recent call last):\n"
                "  File \"orders.py\", line 7\nKeyError: 'total'\n### not a heading\n---\n```",
                subject="GET /api/orders",
                root_cause="orders.py reads total before it is computed.",
                impact="Nobody sees their orders.",
                fix=Fix(
                    ("Compute total first",),
                    (Code("src/shop/orders.py", "total = sum(lines)", 7, "python"),),
                    "",
                    20,
                ),
                locations=[Location("src/shop/orders.py", 7)],
                status=500,
            ),
        ),
        (
            "smoke.endpoints",
            passed("GET /api/products answered 200.", subject="GET /api/products", status=200),
        ),
        (
            "health.headers",
            failed(
                "GET / is sent without Content-Security-Policy.",
                subject="/",
                root_cause="The middleware sets four headers and not this one.",
                impact="A script that gets into the page may do what it likes.",
                fix=Fix(
                    ("Send the header",),
                    (
                        Code(
                            "src/shop/headers.py",
                            '"Content-Security-Policy": "default-src \'self\'",',
                            14,
                            "python",
                        ),
                    ),
                    "https://developer.mozilla.org/docs/Web/HTTP/Headers/Content-Security-Policy",
                    15,
                ),
                locations=[Location("src/shop/headers.py", 14)],
                sent=["strict-transport-security", "x-frame-options"],
            ),
        ),
        (
            "build.size",
            failed(
                "dist/app.js has 1,100 KB raw, its budget is 300 KB.",
                subject="dist/app.js",
                root_cause="moment and all its locales are in the chunk.",
                impact="The first page takes seconds on a phone.",
                fix=Fix(("Load the chart page by itself: import() where its route is declared",), (), "", 60),
                locations=[Location("vite.config.js", 4)],
                raw_bytes=1_204_000,
                gzip_bytes=387_000,
                files=[{"path": "dist/app.js", "raw_bytes": 1_100_000, "gzip_bytes": 340_000}],
            ),
        ),
        (
            "environment.variables_documented",
            failed(
                "LOG_LEVEL does not stand in .env.example.",
                subject="LOG_LEVEL",
                severity=Severity.LOW,
                root_cause="It was added to settings.py alone.",
                impact="Whoever sets up an environment does not know of it.",
                fix=Fix(("Add it",), (Code(".env.example", "LOG_LEVEL=info", 0, "dotenv"),), "", 2),
                locations=[Location("src/shop/settings.py", 20)],
                in_example=False,
                documented=True,
                need="default",
                default="info",
            ),
        ),
        (
            "bugs.log_files",
            failed(
                "log/app.log can be read by everybody (0644).",
                subject="log/app.log",
                root_cause="The file is made with the default mask.",
                impact="Other accounts of the machine read what users do.",
                fix=Fix(
                    ("Set the mask",),
                    (Code("src/shop/logging_setup.py", "os.umask(0o027)", 5, "python"),),
                    "",
                    5,
                ),
                locations=[Location("src/shop/logging_setup.py", 5)],
                mode="0644",
            ),
        ),
        ("smoke.authentication", skipped(Skip.BLOCKED, "smoke.health failed.", because="smoke.health")),
        (
            "health.metrics_move",
            errored("/metrics answered 200 with text/html.", root_cause="It is the front page."),
        ),
        ("smoke.rate_limit", skipped(Skip.UNAVAILABLE, "smoke.rate_limit is not declared; declare it.")),
    )
