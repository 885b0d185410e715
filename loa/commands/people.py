"""`loa init`, `loa token` and `loa password`: the first administrator, keys for scripts, lost passwords."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `init`, `token` and `password`."""
    init = subparsers.add_parser("init", help="make an empty installation with one administrator")
    init.add_argument("--home", type=Path, required=True, help="folder of the installation")
    init.add_argument("--admin", required=True, metavar="NAME", help="sign-in name of the administrator")
    init.set_defaults(run=run_init)
    token = subparsers.add_parser("token", help="print an API token for scripts, with the rights of a person")
    token.add_argument("user", metavar="USER", help="sign-in name")
    token.add_argument("--home", type=Path, help="folder of the installation")
    token.add_argument("--label", default="", help="what the token is for")
    token.add_argument("--scope", default="", help="what it may do at most: read, bulletins, approval, timetable, …")
    token.add_argument("--days", type=int, help="end it after so many days")
    token.set_defaults(run=run_token)
    password = subparsers.add_parser("password", help="give somebody a new generated password; their sessions end")
    password.add_argument("user", metavar="USER", help="sign-in name")
    password.add_argument("--home", type=Path, help="folder of the installation")
    password.set_defaults(run=run_password)


def run_init(options: argparse.Namespace) -> int:
    """Make the installation and print the generated password, which is kept nowhere."""
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import prepare
    from registry import people

    settings = load(options.home)
    database = prepare(settings)
    with database.write() as session:
        password = people.first_administrator(session, options.admin, utc_now())
    print(f"Installation: {settings.home}")
    print(f"Administrator: {options.admin}")
    print(f"Password (shown only now): {password}")
    print(f"Start it with: loa serve --home {settings.home}")
    return 0


def run_token(options: argparse.Namespace) -> int:
    """Print a new token and nothing else."""
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from registry import tokens
    from registry.rights import system_actor

    scope = [each.strip() for each in options.scope.split(",") if each.strip()]
    database = opened(load(options.home))
    with database.write() as session:
        token, _ = tokens.make(
            session, system_actor(), options.user, options.label, utc_now(), scope=scope, days=options.days
        )
    print(token)
    return 0


def run_password(options: argparse.Namespace) -> int:
    """Print a new password and nothing else. Whoever may run this on the server could do anything anyway."""
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from registry import people
    from registry.rights import system_actor

    database = opened(load(options.home))
    with database.write() as session:
        person = people.by_username(session, options.user)
        password = people.reset_password(session, system_actor(), person, utc_now())
    print(password)
    return 0
