"""`loa relay`: what comes from another broadcaster's address."""

import argparse
import json
from pathlib import Path

from core.errors import LoaError


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this module's command."""
    relay = subparsers.add_parser(
        "relay",
        help="listen to other broadcasters' streams for a moment",
        description="Prints one JSON line per address. Exit status 0 means that every address was tried; "
        "whether it can be relayed stands in its line.",
    )
    relay.add_argument("addresses", nargs="+", metavar="URL", help="MP3, AAC, Ogg, HLS, or a playlist that leads there")
    relay.add_argument("--home", type=Path, help="folder of the installation, for its setting `outside_hosts`")
    relay.set_defaults(run=_relay)


def _relay(options: argparse.Namespace) -> int:
    from audio.relays.pull import probe
    from core.outside import Outside
    from core.settings import load

    outside = Outside(load(options.home).outside_hosts)
    for url in options.addresses:
        try:
            found = probe(outside, url)
            told = {
                "url": url, "ok": True, "leads_to": found.url, "kind": found.demuxer, "title": found.title,
                "seconds": round(found.seconds, 1), "level_db": round(found.level_db, 1), "silent": found.is_silent,
            }  # fmt: skip
        except LoaError as error:
            told = {"url": url, "ok": False, "error": str(error)}
        print(json.dumps(told, ensure_ascii=False), flush=True)
    return 0
