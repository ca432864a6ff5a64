"""The command line: `storefront serve`, `storefront migrate`, `storefront version`."""

import argparse
import sys
from collections.abc import Callable

from storefront import build_info, settings
from storefront.settings import StartupError

# The larger imports wait inside the commands: a wrong setting is then told at once.


def main(argv: list[str] | None = None) -> int:
    """Run a command; a problem at start is one line on stderr and exit status 2."""
    commands: dict[str, tuple[Callable[[], None], str]] = {
        "serve": (serve, "run the service"),
        "migrate": (migrate, "bring the database up to date"),
        "version": (version, "say which build this is"),
    }
    parser = argparse.ArgumentParser(prog="storefront", description=__doc__)
    choices = parser.add_subparsers(dest="command", required=True)
    for name, (_, purpose) in commands.items():
        choices.add_parser(name, help=purpose)
    command, _ = commands[parser.parse_args(argv).command]
    try:
        command()
    except StartupError as error:
        sys.stderr.write(f"storefront: {error}\n")
        return 2
    return 0


def serve() -> None:
    """Run until SIGTERM, which lets requests that have begun come to their end."""
    configured = settings.load()

    from storefront.server import run

    run(configured)


def migrate() -> None:
    """Upgrade the database to the newest revision."""
    from storefront.migrate import upgrade

    sys.stdout.write(f"storefront: {upgrade(settings.database_url())}\n")


def version() -> None:
    """Write version, build id and commit."""
    build = build_info.read()
    sys.stdout.write(f"storefront {build.version} (build {build.build_id}, {build.commit})\n")
