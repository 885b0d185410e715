"""One order for many stations: chosen in the list, confirmed on a page that says what will happen, then watched."""

from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden, InvalidInput
from core.ids import new_id
from registry import naming, station_list
from registry.rights import Permission
from scheduler import batches
from scheduler.batches import Proposed
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, station_filters, times

Answer = Response | str | tuple[str, int]
LINES = 100
_LABELS = "labels"
NO_ROLE = N_("Your role does not allow orders to stations. Ask an administrator for the role “operator”.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/stations/many", endpoint="station_many", view_func=many, methods=["POST"])
    blueprint.add_url_rule("/stations/acts/<identity>", endpoint="station_batch", view_func=batch)
    blueprint.add_url_rule(
        "/stations/acts/<identity>/fragment", endpoint="station_batch_fragment", view_func=fragment
    )  # fmt: skip


def chosen(reading: Session) -> list[str]:
    """The ids that a form of the list chose: the rows that were ticked, or all that its filters find.

    Raises InvalidInput for none, and for more than can be ordered at once.
    """
    if forms.text("which") == "all":
        asked = station_filters.asked(reading, request.form)
        ids = station_list.ids(
            reading, actor(), asked.wanted, station_filters.frame(), Permission.SEE, batches.MOST + 1
        )
    else:
        ids = sorted(set(request.form.getlist("station")))
    if not ids:
        raise InvalidInput(N_("Choose at least one station."), fields={"station": "empty"})
    if len(ids) > batches.MOST:
        raise InvalidInput(N_("At most %(most)s stations at once. Narrow the choice."), most=batches.MOST)
    return ids


@for_browsers
@forms.keeps_text
def many() -> Answer:
    """First what will happen (`step` is not `do`), then doing it."""
    if not actor().may_somewhere(Permission.OPERATE):
        raise Forbidden(NO_ROLE)
    if forms.text("do") == _LABELS:
        return redirect(url_for("panel.station_labels"), 307)  # the same form again, to who prints them
    problem = None
    if forms.text("step") == "do":
        done = forms.attempt(_give)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    shown = forms.attempt(partial(_confirmation, problem))
    if not isinstance(shown, forms.Problem):
        return shown
    page = render_template("panel/station_many.html", proposed=None, problem=problem or shown, back=_back())
    return page, (problem or shown).status


def _back() -> str:
    kept: dict[str, Any] = {name: forms.text(name) for name in (*station_filters.NAMES, "sort") if forms.text(name)}
    return url_for("panel.stations", **kept)


def _proposed(session: Session) -> Proposed:
    return batches.propose(
        session, actor(), chosen(session), forms.text("do"), forms.number("value") if _is_volume() else None,
        default_zone=house().settings.zone, now=house().clock(), reason=forms.text("reason"),
    )  # fmt: skip


def _is_volume() -> bool:
    return forms.text("do") == "volume"


def _confirmation(problem: forms.Problem | None) -> Response:
    with house().database.read() as reading:
        proposed = _proposed(reading)
        page = render_template(
            "panel/station_many.html",
            proposed=proposed,
            count=len(proposed.targets),
            batch=forms.text("batch") or new_id("sb"),
            form=request.form,
            names=(*station_filters.NAMES, "sort"),
            quiet=proposed.left_out_for("quiet"),
            problem=problem,
            back=_back(),
        )
    return Response(page, status=problem.status if problem else 200, mimetype="text/html")


def _give() -> Response:
    identity = forms.text("batch")
    if not identity.startswith("sb_") or len(identity) > 40:  # noqa: PLR2004
        raise InvalidInput(N_("The form is not whole. Begin again in the list of stations."))
    with house().database.write() as writing:
        proposed = _proposed(writing)
        expected = forms.number("count")
        if expected is not None and expected != len(proposed.targets):
            raise InvalidInput(N_("Meanwhile it would be other stations. Look again before you confirm."))
        batches.give(
            writing, actor(), proposed, batch_id=identity, now=house().clock(), reason=forms.text("reason"),
            confirmed=forms.number("confirmed"),
        )  # fmt: skip
    return redirect(url_for("panel.station_batch", identity=identity), 303)


@for_browsers
def batch(identity: str) -> str:
    """How far each station has come with it."""
    return _watched(identity, "panel/station_batch.html")


@for_browsers
def fragment(identity: str) -> str:
    return _watched(identity, "panel/_station_batch.html")


def _watched(identity: str, template: str) -> str:
    now = house().clock()
    with house().database.read() as reading:
        found = batches.find(reading, actor(), identity)
        counts = batches.progress(reading, actor(), found, now)
        left_out: dict[str, int] = {}
        for _, why in found.left_out if found.given_by == actor().id else ():
            left_out[why] = left_out.get(why, 0) + 1
        told: dict[str, Any] = {
            "batch": found,
            "counts": counts,
            "total": sum(counts.values()),
            "waits": counts["ordered"] + counts["told"],
            "rows": batches.lines(reading, actor(), found, now, LINES),
            "left_out": left_out,
            "steps": batches.STEPS,
            "zone": times.home_zone(),
            "given_by": naming.by_id(reading, {found.given_by}).get(found.given_by, ""),
        }
        return render_template(template, **told)
