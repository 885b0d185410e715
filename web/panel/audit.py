"""The audit log: searched, exported, and its chain checked. For administrators."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from core import audit as chain
from core.audit import AuditEntry
from core.clock import format_instant
from core.errors import N_, Forbidden, LoaError
from registry import naming, trail_search, units
from registry.rights import EVERYWHERE, Permission
from registry.trail_search import Wanted
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import forms, labels, times
from web.panel.units import administrators_only

PAGE = 50
_DETAIL = 300
_BLOCK = 64 * 1024  # characters of a table that are sent together
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_AT_A_TIME = 50_000  # entries walked while somebody waits: a second or two
_FILTERS = ("person", "act", "unit", "subject", "from", "to")
_COLUMNS = ("number", "at", "actor", "action", "subject", "unit", "detail", "previous", "digest")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/audit", view_func=audit)
    blueprint.add_url_rule("/audit/log.csv", endpoint="audit_csv", view_func=as_csv)
    blueprint.add_url_rule("/audit/log.jsonl", endpoint="audit_lines", view_func=as_lines)
    blueprint.add_url_rule("/audit/check", endpoint="audit_check", view_func=check, methods=["POST"])


@for_browsers
def audit() -> Response:
    administrators_only()
    typed = {name: forms.text(name, request.args) for name in _FILTERS}
    problem: str | None = None
    with house().database.read() as reading:
        try:
            wanted = _wanted(typed)
            before = trail_search.cursor(request.args.get("before", ""))
            rows = trail_search.search(reading, actor(), wanted, before=before, limit=PAGE + 1)
        except LoaError as error:
            problem, rows = said(error), []
        page = render_template(
            "panel/audit.html",
            rows=[
                (entry, json.dumps(entry.detail, ensure_ascii=False)[:_DETAIL] if entry.detail else "")
                for entry in rows[:PAGE]
            ],
            names=naming.by_username(reading, {entry.actor for entry in rows})
            | naming.stations_by_id(reading, {entry.actor for entry in rows}),
            units=naming.units_by_id(reading, {entry.unit_id for entry in rows}),
            more=trail_search.cursor_of(rows[PAGE - 1]) if len(rows) > PAGE else None,
            typed=typed,
            kept={name: text for name, text in typed.items() if text},
            acts=_acts(),
            mark=chain.mark(reading),
            all_of_it=EVERYWHERE in actor().paths(Permission.ADMINISTER),
            problem=problem,
        )
    return Response(page, status=422 if problem else 200, mimetype="text/html")


def _acts() -> list[tuple[str, str]]:
    """Every act there is a word for, in the order of the words."""
    known = [each.removeprefix("act:") for each in labels.LABELS if each.startswith("act:")]
    return sorted(((each, labels.label("act", each)) for each in known), key=lambda pair: pair[1])


def _wanted(typed: dict[str, str]) -> Wanted:
    """What the form asks for. Raises InvalidInput, and NotFound for a unit that is not there."""
    zone = times.home_zone()
    unit = None
    if typed["unit"]:
        with house().database.read() as reading:
            unit = units.find(reading, actor(), typed["unit"])
    start = times.day_of(typed["from"], zone, house().clock())[0] if typed["from"] else None
    end = times.day_of(typed["to"], zone, house().clock())[1] if typed["to"] else None
    return Wanted(typed["person"], typed["act"], typed["subject"], unit, start, end)


@for_browsers
def as_csv() -> Response:
    """What is searched for, as a table; it begins with a mark by which Excel knows UTF-8."""
    return _export(_csv, "text/csv", "csv")


@for_browsers
def as_lines() -> Response:
    """What is searched for, a JSON object a line: digests included, so that the chain can be walked elsewhere."""
    return _export(_json_lines, "application/x-ndjson", "jsonl")


def _export(written: Callable[[Iterable[AuditEntry]], Iterator[str]], mimetype: str, ending: str) -> Response:
    administrators_only()
    wanted = _wanted({name: forms.text(name, request.args) for name in _FILTERS})
    if wanted.unit is not None:
        actor().require(Permission.ADMINISTER, wanted.unit)
    lines = written(trail_search.walk(house().database, actor(), wanted))
    response = Response((line.encode() for line in lines), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="nhat-ky.{ending}"'
    return response


def _row(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.number, format_instant(entry.at), entry.actor, entry.action, entry.subject, entry.unit_id, entry.detail,
        entry.previous, entry.digest,
    )  # fmt: skip


def _json_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(dict(zip(_COLUMNS, _row(entry), strict=True)), ensure_ascii=False) + "\n"


def _csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    out = io.StringIO()
    table = csv.writer(out)
    out.write("\ufeff")
    table.writerow(_COLUMNS)
    for entry in entries:
        table.writerow([_cell(each) for each in _row(entry)])
        if out.tell() > _BLOCK:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _cell(value: object) -> str:
    """A cell as text. What a spreadsheet would take for a formula is marked as text: anybody may fail to sign in."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


@for_browsers
def check() -> AnyResponse:
    """Walk the chain on from where somebody last came, for a second or two; `anew` begins at the first entry."""
    if EVERYWHERE not in actor().paths(Permission.ADMINISTER):
        raise Forbidden(N_("Only administrators of the whole installation check the chain."))
    if forms.text("anew"):
        with house().database.write() as writing:
            chain.forget_mark(writing)
    with house().database.read() as reading:
        walk = chain.go_on(reading, _AT_A_TIME)
    with house().database.write() as writing:
        chain.keep_mark(writing, walk, house().clock())
    if walk.broken is not None:
        flash(gettext("The chain is broken at entry %(number)s.", number=walk.broken), "danger")
    elif walk.more:
        flash(
            gettext("Entries up to %(number)s fit together. There are more: check on.", number=walk.number), "warning"
        )
    else:
        flash(gettext("The chain is whole: all entries up to %(number)s fit together.", number=walk.number), "success")
    return redirect(url_for("panel.audit"), 303)
