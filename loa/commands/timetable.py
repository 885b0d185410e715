import argparse

_MOST_LINES = 100_000


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this module's commands."""
    _register_occurrences(subparsers)


def _register_occurrences(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subparsers.add_parser(
        "occurrences",
        help="the instants of a repetition rule, one a line, in UTC",
        description="Print the instants of a repetition rule (RFC 5545) with FROM <= instant < TO, one a line, in UTC.",
    )
    command.add_argument("--start", required=True, metavar="TIME", help="local start, such as 2026-11-23T05:00")
    command.add_argument(
        "--rrule", metavar="RULE", help="such as 'FREQ=WEEKLY;BYDAY=MO,WE'; without it, the start alone"
    )
    command.add_argument("--exdate", action="append", default=[], metavar="TIME", help="not then; may be repeated")
    command.add_argument("--rdate", action="append", default=[], metavar="TIME", help="then too; may be repeated")
    command.add_argument("--until", metavar="TIME", help="nothing after this time, or after this whole day")
    command.add_argument("--zone", default="Asia/Ho_Chi_Minh", metavar="NAME", help="time zone (default: %(default)s)")
    bound = "an instant with Z or an offset, a local time, or a date (its midnight)"
    command.add_argument("--from", dest="begin", required=True, metavar="FROM", help=bound)
    command.add_argument("--to", dest="end", required=True, metavar="TO", help=bound)
    command.set_defaults(run=_print_occurrences)


def _print_occurrences(options: argparse.Namespace) -> int:
    """Print all or nothing: a list cut short would look like the whole timetable."""
    from itertools import islice

    from core.clock import format_instant
    from core.errors import N_, InvalidInput
    from scheduler.recurrence import local_instant, occurrences, recurrence

    rule = recurrence(
        options.start, options.zone, options.rrule, exdates=options.exdate, rdates=options.rdate, until=options.until
    )
    begin, end = local_instant(options.begin, rule.zone), local_instant(options.end, rule.zone)
    if end < begin:
        raise InvalidInput(N_("The window ends before it begins: --to must be later than --from."))
    found = list(islice(occurrences(rule, begin, end), _MOST_LINES + 1))
    if len(found) > _MOST_LINES:
        raise InvalidInput(
            N_("There are more than %(limit)s occurrences in this window; ask for a shorter one."), limit=_MOST_LINES
        )
    for instant in found:
        print(format_instant(instant))
    return 0
