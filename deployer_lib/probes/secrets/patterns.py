"""Forms of providers' tokens: data. A new one is one more line.

Each has a text that stands in every such token (looked for first, so that most files cost one search), a pattern, and,
where the form has a checksum or an inner structure, a function that verifies it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets import structure
from deployer_lib.probes.secrets.values import entropy, is_published

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROVIDERS", "Provider"]


@dataclass(frozen=True, slots=True)
class Provider:
    """One form of one provider's tokens."""

    kind: str
    marks: tuple[bytes, ...]  # one of them stands in every such token
    pattern: re.Pattern[bytes]  # its last group, or else the whole, is the secret
    docs: str = ""
    verify: Callable[[str], bool] | None = (
        None  # checks a checksum or a structure; None: the form has neither
    )
    severity: Severity = Severity.CRITICAL
    beside: bytes = b""  # a word that must stand somewhere in the file, for forms that others share
    bits: float = 3.0  # entropy that a token of this form has at least

    @property
    def certain(self) -> bool:
        """Tell whether a token of this form proves itself, wherever it stands."""
        return self.verify is not None

    def holds(self, token: str) -> bool:
        """Tell whether a text of the form is a token: not an example, and sound where that can be verified."""
        return (
            entropy(token) >= self.bits
            and _EXAMPLE.search(token) is None
            and not is_published(token)
            and (self.verify is None or self.verify(token))
        )


_EXAMPLE: Final = re.compile(r"example|placeholder|x{5}|0{8}|1234567|abcdefg|your|(.)\1{6}", re.IGNORECASE)
_GITHUB: Final = (
    "https://docs.github.com/en/code-security/tutorials/remediate-leaked-secrets/remediating-a-leaked-secret"
)
_AWS: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id-credentials-access-keys-update.html"
_SLACK: Final = "https://api.slack.com/authentication/best-practices"
_STRIPE: Final = "https://docs.stripe.com/keys-best-practices"
_GOOGLE: Final = "https://cloud.google.com/docs/authentication/api-keys-best-practices"
_AZURE: Final = "https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage"
_GITLAB: Final = "https://docs.gitlab.com/security/responding/"
_SHOPIFY: Final = "https://shopify.dev/docs/apps/build/authentication-authorization/client-secrets/rotate-revoke-client-credentials"
_DISCORD: Final = "https://discord.com/developers/docs/topics/oauth2"


def _p(
    kind: str,
    mark: str,
    pattern: str,
    docs: str = "",
    *,
    verify: Callable[[str], bool] | None = None,
    severity: Severity = Severity.CRITICAL,
    beside: bytes = b"",
    bits: float = 3.0,
) -> Provider:
    bounded = rf"(?<![A-Za-z0-9_-])(?:{pattern})(?![A-Za-z0-9_-])"
    return Provider(
        kind, tuple(mark.encode().split()), re.compile(bounded.encode()), docs, verify, severity, beside, bits
    )


PROVIDERS: Final[tuple[Provider, ...]] = (
    _p("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36}", _GITHUB, verify=structure.crc_base62),
    _p("GitHub fine-grained token", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", _GITHUB, bits=4.0),
    _p("npm token", "npm_", r"npm_[A-Za-z0-9]{36}", "https://docs.npmjs.com/revoking-access-tokens", verify=structure.crc_base62),
    _p("PyPI token", "pypi-AgEI", r"pypi-AgEI[A-Za-z0-9_-]{60,}", "https://pypi.org/help/#compromised-token", verify=structure.macaroon),
    _p("crates.io token", "cio", r"cio[A-Za-z0-9]{32}", "https://doc.rust-lang.org/cargo/reference/publishing.html", beside=b"crates", bits=4.0),
    _p("RubyGems key", "rubygems_", r"rubygems_[a-f0-9]{48}", "https://guides.rubygems.org/api-key-scopes/"),
    _p("Docker Hub token", "dckr_", r"dckr_[op]at_[A-Za-z0-9_-]{27,32}", "https://docs.docker.com/security/access-tokens/", bits=3.8),
    _p("Slack token", "xox", r"xox[bpe]-\d{9,13}-\d{9,13}(?:-\d{9,13})?-[A-Za-z0-9]{24,40}", _SLACK, bits=3.5),
    _p("Slack app token", "xapp-", r"xapp-\d-[A-Z0-9]{8,13}-\d{10,14}-[a-f0-9]{64}", _SLACK),
    _p("Slack webhook", "hooks.slack.com", r"https://hooks\.slack\.com/(?:services|workflows)/(T[A-Z0-9]{8,12}/[A-Z0-9]{8,14}/[A-Za-z0-9]{20,24})", _SLACK, bits=3.8),
    _p("live secret key of a payment provider", "_live_", r"[sr]k_live_[A-Za-z0-9]{24,247}", _STRIPE, bits=3.5),
    _p("test secret key of a payment provider", "_test_", r"[sr]k_test_[A-Za-z0-9]{24,247}", _STRIPE, severity=Severity.LOW, bits=4.0),
    _p("webhook signing secret", "whsec_", r"whsec_[A-Za-z0-9+/]{32,64}={0,2}", "https://docs.stripe.com/webhooks#roll-endpoint-secrets", bits=4.0),
    _p("Square token", "sq0", r"sq0(?:csp-[A-Za-z0-9_-]{43}|atp-[A-Za-z0-9_-]{22})", "https://developer.squareup.com/docs/oauth-api/revoke-renew-generate-oauth-tokens", bits=3.8),
    _p("Square token", "EAAA", r"EAAA[A-Za-z0-9_-]{60}", "https://developer.squareup.com/docs/oauth-api/revoke-renew-generate-oauth-tokens", beside=b"quare", bits=4.5),
    _p("Shopify token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", _SHOPIFY),
    _p("Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}", _GOOGLE, severity=Severity.HIGH, bits=4.0),
    _p("Google OAuth client secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}", "https://support.google.com/cloud/answer/15549257", bits=3.8),
    _p("Azure storage key", "AccountKey=", r"AccountKey=([A-Za-z0-9+/]{86}==)", _AZURE, verify=structure.storage_key, bits=4.5),
    _p("Azure shared access key", "SharedAccessKey=", r"SharedAccessKey=([A-Za-z0-9+/]{43}=)", "https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas", bits=4.2),
    _p("Azure AD client secret", "Q~", r"[A-Za-z0-9_.~-]{3}\dQ~[A-Za-z0-9_.~-]{31,34}", "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials", bits=4.2),
    _p("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys", bits=4.5),
    _p("Twilio auth token", "AC", r"AC[0-9a-f]{32}[\"']?\s*[,:;\n][^\n]{0,60}?(?<![0-9a-fA-F])([0-9a-f]{32})", "https://www.twilio.com/docs/iam/api/authtoken", beside=b"wilio"),
    _p("Mailgun key", "key-", r"key-[0-9a-f]{32}", "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt", beside=b"ailgun"),
    _p("Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}", "https://mailchimp.com/help/about-api-keys/", beside=b"ailchimp"),
    _p("Brevo key", "xkeysib-", r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}", "https://help.brevo.com/hc/en-us/articles/209467485"),
    _p("Resend key", "re_", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}", "https://resend.com/docs/dashboard/api-keys/introduction", bits=4.2, beside=b"esend"),
    _p("Telegram bot token", ":AA", r"\d{8,10}:AA[A-Za-z0-9_-]{33}", "https://core.telegram.org/bots/features#botfather", bits=4.2),
    _p("Discord bot token", ".", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}", _DISCORD, verify=structure.discord_bot, beside=b"iscord", bits=4.2),
    _p("Discord webhook", "/api/webhooks/", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/(\d{17,20}/[A-Za-z0-9_-]{60,80})", "https://support.discord.com/hc/en-us/articles/228383668", bits=4.5),
    _p("OpenAI key", "T3BlbkFJ", r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}", "https://help.openai.com/en/articles/9047852", bits=4.2),
    _p("Anthropic key", "sk-ant-", r"sk-ant-(?:api|admin)\d\d-[A-Za-z0-9_-]{93}AA", "https://support.anthropic.com/en/articles/9767949", bits=4.5),
    _p("Hugging Face token", "hf_", r"hf_[A-Za-z]{34}", "https://huggingface.co/docs/hub/security-tokens", bits=4.0),
    _p("Groq key", "gsk_", r"gsk_[A-Za-z0-9]{20}WGdyb3FY[A-Za-z0-9]{24}", "https://console.groq.com/keys", bits=4.2),
    _p("Replicate token", "r8_", r"r8_[A-Za-z0-9]{37}", "https://replicate.com/docs/topics/security/api-tokens", bits=4.0),
    _p("DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}", "https://docs.digitalocean.com/reference/api/create-personal-access-token/"),
    _p("GitLab token", "glpat- glrt- gldt- glptt- glcbt- glft- glsoat-", r"gl(?:pat|rt|dt|ptt|cbt|ft|soat)-[A-Za-z0-9_-]{20,64}(?:\.[0-9a-z]{2}\.[0-9a-z]{9})?", _GITLAB, bits=3.8),
    _p("Databricks token", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?", "https://docs.databricks.com/aws/en/dev-tools/auth/pat"),
    _p("Vault token", "hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_-]{24,}", "https://developer.hashicorp.com/vault/docs/commands/token/revoke", bits=4.0),
    _p("Terraform Cloud token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}", "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens", bits=4.5),
    _p("Pulumi token", "pul-", r"pul-[a-f0-9]{40}", "https://www.pulumi.com/docs/administration/access-identity/access-tokens/"),
    _p("age secret key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "https://github.com/FiloSottile/age", verify=structure.bech32),
    _p("Grafana service account token", "glsa_", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", "https://grafana.com/docs/grafana/latest/administration/service-accounts/", verify=structure.crc_hex),
    _p("New Relic key", "NRAK-", r"NRAK-[A-Z0-9]{27}", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/", bits=3.8),
    _p("Sentry token", "sntry", r"sntry(?:u_[a-f0-9]{64}|s_eyJ[A-Za-z0-9+/=_-]{100,})", "https://docs.sentry.io/account/auth-tokens/"),
    _p("Linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{40}", "https://linear.app/docs/api-and-webhooks", bits=4.2),
    _p("Notion token", "ntn_", r"ntn_[A-Za-z0-9]{46}", "https://developers.notion.com/docs/authorization", bits=4.2),
    _p("Airtable token", "pat", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}", "https://support.airtable.com/docs/creating-personal-access-tokens", beside=b"irtable"),
    _p("Atlassian token", "ATATT3", r"ATATT3[A-Za-z0-9_=-]{180,}", "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/", bits=4.5),
    _p("Postman key", "PMAK-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", "https://learning.postman.com/docs/developer/postman-api/authentication/"),
    _p("Doppler token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}", "https://docs.doppler.com/docs/service-tokens", bits=4.2),
    _p("PlanetScale token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}", "https://planetscale.com/docs/concepts/service-tokens", bits=4.0),
    _p("Supabase token", "sbp_ sb_secret_", r"sb(?:p_[a-f0-9]{40}|_secret_[A-Za-z0-9_-]{31,36})", "https://supabase.com/docs/guides/api/api-keys", bits=3.3),
    _p("Fly.io token", "fm2_", r"fm2_[A-Za-z0-9+/=_-]{100,}", "https://fly.io/docs/security/tokens/", bits=4.5),
    _p("Heroku key", "HRKU-", r"HRKU-AA[A-Za-z0-9_-]{58}", "https://help.heroku.com/PBGP6IDE", bits=4.2),
    _p("JSON Web Token", "eyJ", r"eyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{32,}", "https://datatracker.ietf.org/doc/html/rfc8725", verify=structure.jwt, severity=Severity.HIGH, bits=4.0),
)  # fmt: skip
