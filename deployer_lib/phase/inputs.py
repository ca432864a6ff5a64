"""Gather what a run knows before it looks at anything, so that reports can be made from notebooks alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from deployer_lib.history import earlier_runs, next_round
from deployer_lib.parameters.waivers import read_waivers
from deployer_lib.phase.session import Session, actor
from deployer_lib.probes.making import now_iso
from deployer_lib.record import Inputs

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["gather", "published_folder"]


def published_folder(session_root: Path, project: Path, directory: str, publish_to: str) -> Path:
    """Return the folder to which DEPLOYMENT_LOG.md and NEXT_ACTIONS.md are published."""
    return session_root / publish_to if publish_to else project / directory


def gather(session: Session, now: datetime) -> Inputs:
    """Return the inputs of a run: round, history, waivers, who and why, and NEXT_ACTIONS.md as it stands."""
    parameters, setting = session.parameters, session.setting
    folder = Path(setting.history) / parameters.environment if setting.history else session.places.records
    earlier = earlier_runs(folder, before=setting.run)
    coordination = parameters.coordination
    published = published_folder(
        session.places.root, session.context.project, coordination.dir, coordination.publish_to
    )
    return Inputs(
        run=setting.run,
        environment=parameters.environment,
        round=next_round(earlier),
        history=bool(earlier),
        now=setting.started_at or now_iso(now),
        mode=setting.mode,
        trigger=setting.trigger,
        budget_s=parameters.budget_s,
        actor=actor(os.environ),
        change={"ticket": parameters.change.ticket, "category": parameters.change.category},
        approvals=tuple({"by": a.by, "at": a.at, "note": a.note} for a in parameters.approvals),
        block_on=parameters.block_on.value,
        required=None if parameters.required is None else tuple(parameters.required),
        profile=parameters.profile.value,
        level=parameters.level.value,
        target=parameters.deploy.address or parameters.deploy.kind,
        parameters_digest=session.loaded.digest,
        allowed=tuple(sorted(effect.value for effect in session.context.guard.allow)),
        next_actions=_first_readable(
            published / "NEXT_ACTIONS.md", session.context.project / coordination.dir / "NEXT_ACTIONS.md"
        ),
        waivers=read_waivers(session.places.root, parameters.environment),
        earlier=earlier,
        planned=setting.planned,
    )


def _first_readable(*paths: Path) -> bytes | None:
    for path in paths:
        try:
            return path.read_bytes()
        except OSError:
            continue
    return None
