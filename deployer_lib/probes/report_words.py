"""The words and signs by which people call a bug critical, open or fixed, as patterns."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "ALL_FIXED",
    "BUT",
    "COUNT",
    "FIXED",
    "GENERIC",
    "LEGEND",
    "NAMED",
    "NO_BUGS",
    "OPEN",
    "OTHER_SIGNS",
    "RATIO",
    "SEVERITY_FIELD",
    "SIGN",
    "STATUS_COLUMNS",
    "STRUCK",
    "TAG",
    "TITLE_COLUMNS",
    "WORD",
]

SIGN: Final = "🔴"
OTHER_SIGNS: Final = ("🟠", "🟡", "🟢")
WORD: Final = re.compile(r"\bcritical\b", re.IGNORECASE)
NOUN: Final = (
    r"(?:bugs?|issues?|defects?|findings?|problems?|blockers?|errors?|failures?|vulnerabilit(?:y|ies))"
)
NAMED: Final = re.compile(
    rf"\bCRITICAL\b|(?i:\bcritical\s+{NOUN}\b)|^\W*(?i:critical)\s*(?:\W*[\])]|\s*[:–—-])|\[(?i:critical)\]|\((?i:critical)\)"
)
NO_BUGS: Final = re.compile(
    r"\b(?:no|zero|0|without(?:\s+any)?|none\s+of\s+the|not\s+any)\s+(?:(?:open|known|new|remaining|outstanding|unresolved|🔴)\s+)*critical\b"
    r"|\bcritical\b[^.:|]{0,30}[:=–—-]\s*\W*(?:none|nil|no|0|zero|n/?a)\b(?!\s*(?:\d|of\b|/))",
    re.IGNORECASE,
)
COUNT: Final = re.compile(
    rf"\b(\d+)\s+(?:(?:open|known|new|🔴)\s+)*critical\b|{SIGN}?\s*\bcritical\b(?:\s+{NOUN})?(?:\s+\w+)?\s*[:=|(]\W*(\d+)\b(?!\s*(?:/|of|\.\d))",
    re.IGNORECASE,
)
RATIO: Final = re.compile(r"(\d+)\s*(?:/|of|out of)\s*(\d+)", re.IGNORECASE)
OPEN: Final = re.compile(
    r"❌|✗|✘|\bnot\s+all\b|\bnot\s+(?:yet\s+|been\s+|fully\s+)*(?:fixed|resolved|closed|done)|\b(?:unfixed|unresolved|reopened|re-opened|partially|"
    r"in\s+progress|pending|won'?t\s*fix|todo|to\s+do|outstanding)\b|\b(?:must|should|to|will|needs?\s+to)\s+be\s+(?:fixed|resolved)|"
    r"\b(?:fixed|resolved)\s*[:?|]\s*\W*(?:no|false)\b|\bstatus\W{1,6}(?:open|new|failed)\b|(?:^|[|(\[—–:-]\s*)\W*(?:still\s+)?open\W*(?:$|[|)\]])|"
    r"\bfix\s+required\b|\bstill\s+(?:open|broken|failing|fails|present)\b",
    re.IGNORECASE,
)
FIXED: Final = re.compile(
    r"✅|✔|☑|(?:^|[(\[—–:|,;.-]\s*|\b(?:is|was|are|were|been|now|already|all|and|verified|both)\s+)\W*(?:fixed|resolved|closed|solved)\b(?!-)"
    r"|\b(?:fixed|resolved|closed|solved)\b\s*(?:in\b|by\b|on\b|with\b|via\b|since\b|at\b|[)\].,;|!:]|$)",
    re.IGNORECASE,
)
ALL_FIXED: Final = re.compile(
    r"\ball\b.*\b(?:fixed|resolved|closed)\b|\b(?:fixed|resolved|closed)\b\s*:\s*all", re.IGNORECASE
)
#: What takes "all fixed" back.
BUT: Final = re.compile(r"\bnot\s+all\b|\bexcept\b|\bbut\b|\bapart\s+from\b", re.IGNORECASE)
SEVERITY_FIELD: Final = re.compile(
    r"^\W*(?:severity|priority|level)\W{1,6}.*?(?:🔴|\bcritical\b)", re.IGNORECASE
)
LEGEND: Final = re.compile(
    r"\b(legend|key|severity\s+(?:levels?|scale|definitions?)|meaning|how\s+to\s+read)\b", re.IGNORECASE
)
GENERIC: Final = frozenset(
    [
        "critical",
        "bug",
        "bugs",
        "issue",
        "issues",
        "defect",
        "defects",
        "finding",
        "findings",
        "problem",
        "problems",
        "blocker",
        "blockers",
        "severity",
        "priority",
        "open",
        "list",
        "found",
        "fixed",
        "resolved",
        "closed",
        "failure",
        "failures",
        "failed",
        "test",
        "tests",
        "must",
        "fix",
        "all",
        "the",
        "remaining",
        "outstanding",
        "known",
        "status",
        "p0",
        "sev1",
        "sev",
        "error",
        "errors",
        "and",
        "in",
        "this",
        "round",
        "deployment",
        "vulnerability",
        "vulnerabilities",
        "high",
        "none",
        "no",
        "now",
        "are",
    ]
)
STRUCK: Final = re.compile(r"~~.+?~~")
TAG: Final = re.compile(r"\W*[\[(]critical[\])]", re.IGNORECASE)
STATUS_COLUMNS: Final = ("status", "state", "fixed", "resolved", "resolution", "result")
TITLE_COLUMNS: Final = ("title", "bug", "issue", "description", "summary", "finding", "name", "problem")
