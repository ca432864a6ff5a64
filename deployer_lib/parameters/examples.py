"""One small example a section, for the reference page; a test loads each of them."""

from __future__ import annotations

from typing import Final

__all__ = ["EXAMPLES"]

#: YAML by section; the empty name is the top level.
EXAMPLES: Final[dict[str, str]] = {
    "": """\
environment: staging
extends: base.yaml
profile: api
allow: [observe, write]
block_on: high
severities:
  health.headers: medium
not_applicable:
  environment.migrations: there is no database
""",
    "project": """\
project:
  path: ../shop
  stack: python
  exclude: [data/]
""",
    "artifact": """\
artifact:
  path: dist/shop-1.4.0-py3-none-any.whl
  digest: sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
  commit: 12e4567
""",
    "coordination": """\
coordination:
  dir: _coordination
""",
    "preflight": """\
preflight:
  tests:
    command: [python, -m, pytest, --junitxml=report.xml]
    report: report.xml
""",
    "install": """\
install:
  command: [uv, sync, --frozen]
  timeout_s: 120
""",
    "variables": """\
variables:
  example: .env.example
  ignore:
    EDITOR: read by a developer's script alone
""",
    "configuration": """\
configuration:
  rules:
    - {name: database uses TLS, file: config/production.yaml, holds: config.database.ssl == true, fix: "ssl: true"}
    - {name: token lifetime, holds: int(env.TOKEN_MINUTES) <= 60, severity: medium}
  files: [deploy/app.toml]
""",
    "build": """\
build:
  command: [npm, run, build]
  output: [dist]
  bundle: dist/assets
  max_bundle_kb: 800
""",
    "deploy": """\
deploy:
  kind: process
  steps:
    - name: migrate
      command: [python, -m, alembic, upgrade, head]
  start: [python, -m, shop, --port, "{port}"]
  variables:
    DATABASE_URL: ${env:STAGING_DATABASE_URL}
    LOG_LEVEL: info
  ready:
    path: /health
    expect: json.status == "ok"
    version_path: /version
  rollback:
    risk: LOW
    why: no migration since the previous version
""",
    "smoke": """\
smoke:
  database: {path: /ready, expect: json.database == "ok"}
  endpoints:
    - {path: /api/products, expect: size(json) > 0}
    - {path: /api/orders, method: POST, body: {quantity: -1}, auth: true, status: [400, 422]}
  auth:
    login:
      path: /api/login
      method: POST
      body: {email: smoke@shop.example, password: "${env:SMOKE_PASSWORD}"}
    protected: {path: /api/me}
  cors: {origins: [https://shop.example], path: /api/products}
  rate_limit:
    request: {path: /api/login, method: POST, body: {}, status: [401, 422]}
    limit: 20
""",
    "health": """\
health:
  logs: {trace_field: trace_id}
  metrics: {path: /metrics, requests: http_requests_total}
  load: {path: /api/products, max_mean_ms: 200}
  headers: {paths: [/, /api/products]}
""",
    "bugs": """\
bugs:
  startup: {variables: [DATABASE_URL]}
  log_files: {variable: LOG_FILE, max_mode: 0640}
""",
    "change": """\
change:
  ticket: SHOP-1234
  category: normal
""",
    "approvals": """\
approvals:
  - {by: Ada Lovelace, at: 2026-03-01T09:30:00Z, note: release 1.4.0}
""",
    "endpoint": """\
smoke:
  health:
    path: /health
    expect: json.status == "ok"
    expect_headers: {content-type: application/json*}
""",
}
