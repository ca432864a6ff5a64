"""Read a project's configuration as its application would see it, and hold rules against it (SPEC B9)."""

from __future__ import annotations
