"""`loa units merge|move|recode`: what becomes of the administrative map, from the command line of the server."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.relocating import Shift
    from registry.merging import Merger


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `units`."""
    units = subparsers.add_parser("units", help="merge, move and re-code units")
    acts = units.add_subparsers(dest="act", required=True, metavar="ACT")
    merge = acts.add_parser("merge", help="merge a unit into another one, for good")
    merge.add_argument("unit", metavar="UNIT", help="id or code of the unit that is merged")
    merge.add_argument("into", metavar="INTO", help="id or code of the unit that goes on")
    merge.add_argument("--name", default="", help="new name of the one that goes on")
    merge.add_argument("--code", default="", help="new code of the one that goes on")
    merge.add_argument("--confirm", default="", help="the name or code of UNIT once more: it can't be undone")
    merge.set_defaults(run=run_merge)
    move = acts.add_parser("move", help="put a unit, with all below it, under another one")
    move.add_argument("unit", metavar="UNIT", help="id or code")
    above = move.add_mutually_exclusive_group(required=True)
    above.add_argument("--under", metavar="UNIT", help="id or code of the unit that will be above it")
    above.add_argument("--top", action="store_true", help="make it a top unit")
    move.set_defaults(run=run_move)
    recode = acts.add_parser("recode", help="give a unit another code; the former one still leads to it")
    recode.add_argument("unit", metavar="UNIT", help="id or code")
    recode.add_argument("code", metavar="CODE", help="the new code")
    recode.add_argument("--name", default="", help="a new name as well")
    recode.add_argument("--reason", default="", help="why a code that was another unit's is given away")
    recode.set_defaults(run=run_recode)
    for each in (merge, move, recode):
        each.add_argument("--home", type=Path, help="folder of the installation")
        each.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def run_merge(options: argparse.Namespace) -> int:
    """Merge, after a copy of the database; or say what would go over."""
    from alerts import relocating
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from registry import units
    from registry.rights import system_actor
    from scheduler import backup

    settings, who, now = load(options.home), system_actor(), utc_now()
    database = opened(settings)

    def told(copy: str) -> "Merger":
        with database.write() as session:
            return relocating.merge(
                session, who, options.unit, options.into, now, name=options.name, code=options.code, backup=copy
            )

    merger = relocating.rehearse(
        database,
        lambda session: relocating.merge(
            session, who, options.unit, options.into, now, name=options.name, code=options.code
        ),
    )
    _tell_merger(merger)
    if options.dry_run:
        print("Nothing was changed.")
        return 0
    with database.read() as session:
        relocating.named(units.find(session, who, options.unit), options.confirm)
    copy = backup.back_up(settings, now)
    told(copy.name if copy else "")
    kept = f"The copy of before: {copy}" if copy else "No copy was made: this database is kept elsewhere."
    print(f"Merged. {kept}")
    return 0


def _tell_merger(merger: "Merger") -> None:
    for kind, count in sorted(merger.counts.items()):
        print(f"{count:8}  {kind}")
    for each in merger.clashes:
        print(f"both have {each.kind} {each.what}: {each.kept!r} holds, {each.left!r} {'too' if each.both else 'goes'}")
    if merger.clashes_in_all > len(merger.clashes):
        print(f"and {merger.clashes_in_all - len(merger.clashes)} more")


def run_move(options: argparse.Namespace) -> int:
    """Move, or say what would change."""
    from sqlmodel import Session

    from alerts import relocating
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from registry import units
    from registry.rights import system_actor

    settings, who = load(options.home), system_actor()
    database = opened(settings)

    def act(session: Session) -> "Shift":
        parent = None if options.top else units.find(session, who, options.under)
        unit = units.find(session, who, options.unit)
        return relocating.move_unit(session, who, unit, parent, settings.zone, utc_now())

    if options.dry_run:
        shift = relocating.rehearse(database, act)
    else:
        with database.write() as session:
            shift = act(session)
    print(f"{len(shift.moved.places):8}  stations")
    for name, before, after in shift.settings:
        print(f"{name}: {before or 'none'} -> {after or 'none'}")
    reach = (("no more", shift.losing), ("from now on", shift.gaining), ("by name, as before", shift.naming))
    for word, slots in reach:
        print(f"{len(slots):8}  slots reach them {word}")
    print("Nothing was changed." if options.dry_run else "Moved.")
    return 0


def run_recode(options: argparse.Namespace) -> int:
    """Give the new code, or say whether it could be given."""
    from sqlmodel import Session

    from alerts import relocating
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from registry import moving, units
    from registry.rights import system_actor

    who = system_actor()
    database = opened(load(options.home))

    def act(session: Session) -> str:
        unit = units.find(session, who, options.unit)
        before = unit.code
        moving.recode_unit(
            session, who, unit, options.code, utc_now(), name=options.name, reason=options.reason
        )  # fmt: skip
        return before

    if options.dry_run:
        before = relocating.rehearse(database, act)
        print(f"{before} -> {options.code} can be done. Nothing was changed.")
        return 0
    with database.write() as session:
        before = act(session)
    print(f"{before} -> {options.code}. {before} still leads to it.")
    return 0
