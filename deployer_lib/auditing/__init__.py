"""Audit a folder without an environment: the probes of phase 01, asked of sources alone (``deployer audit``)."""

from deployer_lib.auditing.dependencies import audit_dependencies
from deployer_lib.auditing.making import Audit
from deployer_lib.auditing.migrations import audit_migrations
from deployer_lib.auditing.secrets import audit_secrets
from deployer_lib.auditing.variables import audit_variables

__all__ = ["Audit", "audit_dependencies", "audit_migrations", "audit_secrets", "audit_variables"]
