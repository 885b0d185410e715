"""`loa keys`: the key that signs airings, and its change."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `loa keys list`, `loa keys rotate` and `loa keys retire`."""
    keys = subparsers.add_parser("keys", help="the key that signs airings, and its change")
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="the keys that are trusted, and how many stations know each")
    rotate = actions.add_parser("rotate", help="announce a new key; it signs as soon as nearly all stations know it")
    rotate.add_argument("--now", action="store_true", help="let the new key sign at once, whoever knows it")
    retire = actions.add_parser("retire", help="end the former key, once stations know the present one")
    retire.add_argument("--now", action="store_true", help="also while stations don't know the present key yet")
    for each, run in ((listed, run_list), (rotate, run_rotate), (retire, run_retire)):
        each.add_argument("--home", type=Path, help="folder of the installation (default: LOA_HOME or ./var)")
        each.set_defaults(run=run)


def run_list(options: argparse.Namespace) -> int:
    """One line a key: its name, what it does, since when, and how many stations know it."""
    from core.clock import format_instant, utc_now
    from core.settings import load
    from loa.installation import opened
    from scheduler import rotation

    settings = load(options.home)
    database = opened(settings)
    rotation.follow(database, settings, utc_now())
    with database.read() as session:
        for each in rotation.standing(session, utc_now()):
            known = f"{each.known} of {each.stations} stations know it"
            print(f"{each.key.kid}  {each.key.state}  since {format_instant(each.key.since)}  {known}")
    return 0


def run_rotate(options: argparse.Namespace) -> int:
    """Announce a new key, or with `--now` let it sign."""
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from scheduler import keys, rotation

    settings = load(options.home)
    database = opened(settings)
    rotation.follow(database, settings, utc_now())
    made = keys.begin(settings)
    rotation.follow(database, settings, utc_now())
    if options.now:
        keys.switch(settings)
        rotation.follow(database, settings, utc_now())
        print(f"{made} signs from now on; what is to come has been signed anew")
    else:
        print(f"{made} is announced; the worker lets it sign when nearly all stations know it")
    return 0


def run_retire(options: argparse.Namespace) -> int:
    """End every former key."""
    from core.clock import utc_now
    from core.settings import load
    from loa.installation import opened
    from scheduler import rotation

    settings = load(options.home)
    ended = rotation.retire(opened(settings), settings, utc_now(), at_once=options.now)
    for kid in ended:
        print(f"{kid} is retired")
    if not ended:
        print("there is no former key")
    return 0
