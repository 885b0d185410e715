"""`loa audit verify`: whether somebody has changed the audit log."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit verify`."""
    audit = subparsers.add_parser("audit", help="the audit log")
    below = audit.add_subparsers(dest="audit_command", required=True, metavar="COMMAND")
    verify = below.add_parser("verify", help="whether somebody has changed the audit log")
    verify.add_argument("--home", type=Path, help="folder of the installation")
    verify.add_argument("--all", action="store_true", help="walk from the first entry on, not from where it was left")
    verify.add_argument("--digest", metavar="NUMBER:DIGEST", help="compare with a digest that was noted elsewhere")
    verify.set_defaults(run=run_verify)


def run_verify(options: argparse.Namespace) -> int:
    """Walk on, remember how far, print one line. Status 1 when an entry does not fit."""
    from core import audit
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened

    database = opened(load(options.home))
    with database.write() as session:
        if options.all:
            audit.forget_mark(session)
        before = audit.mark(session)
    with database.read() as session:
        walk = audit.go_on(session)
        noted = _noted(options.digest)
        differs = noted is not None and not audit.carries(session, *noted)
    with database.write() as session:
        audit.keep_mark(session, walk, utc_now())
    database.dispose()
    if walk.broken is not None:
        print(f"broken at entry {walk.broken}")
        return 1
    since = f" (walked from entry {before.number + 1} on)" if before else ""
    print(f"whole up to entry {walk.number}{since}: {walk.number}:{walk.digest}")
    if differs:
        print("but the entry does not carry the digest that was noted: the log was rewritten")
    return int(differs)


def _noted(text: str | None) -> tuple[int, str] | None:
    from core.errors import InvalidInput

    if text is None:
        return None
    number, _, digest = text.partition(":")
    if not (number.isdecimal() and number.isascii()) or not digest:
        raise InvalidInput("a noted digest is written as NUMBER:DIGEST")
    return int(number), digest.strip().lower()
