"""A message from a source of alerts: what it says, where it would be heard, and what a person decides."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask import Response as Plain
from flask_babel import gettext
from werkzeug.wrappers import Response

from alerts.sources import deciding, stored
from alerts.sources.airing import Desk
from core.errors import N_, InvalidInput, NotFound
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, targets, times
from web.remarks import say, surveyor

Answer = Response | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/alerts/<identity>", endpoint="alert", view_func=show)
    blueprint.add_url_rule("/alerts/<identity>/document", endpoint="alert_document", view_func=document)
    for name, view in (("air", air), ("decline", decline), ("look", look)):
        blueprint.add_url_rule(f"/alerts/<identity>/{name}", endpoint=f"alert_{name}", view_func=view, methods=["POST"])


@for_browsers
def show(identity: str) -> Answer:
    return _page(identity, None)


def _page(identity: str, problem: forms.Problem | None) -> Answer:
    with house().database.read() as reading:
        seen = deciding.view(reading, actor(), identity, surveyor().land(reading))
        may = actor().may(Permission.ALARM, seen.unit) if seen.unit else actor().may_somewhere(Permission.ALARM)
        waits = seen.row.state == "waiting" and may
        page = render_template(
            "panel/alert.html",
            seen=seen,
            row=seen.row,
            notes=[say(each) for each in stored.remarks(seen.row.notes)],
            waits=waits,
            may_act=may,
            tree=targets.tree(reading, actor(), Permission.ALARM) if waits and seen.row.action != "cancel" else None,
            form=request.form,
            problem=problem,
            zone=times.zone_of(reading, seen.unit) if seen.unit else times.home_zone(),
        )
    return page, problem.status if problem else 200


@for_browsers
def document(identity: str) -> Answer:
    """The document as it came, as plain text: nothing of it is shown as a page."""
    with house().database.read() as reading:
        row = deciding.find(reading, actor(), identity)
        kept = deciding.document(reading, row)
        content = stored.opened(kept) if kept else None
    if content is None:
        raise NotFound
    headers = {"Content-Disposition": f'attachment; filename="{row.id}.xml"'}
    return Plain(content, content_type="application/octet-stream", headers=headers)


@for_browsers
@forms.keeps_text
def air(identity: str) -> Answer:
    """Put it on air, by the right of who presses."""

    def act() -> Response:
        here = house()
        if not request.form.get("sure"):
            raise InvalidInput(
                N_("Tick that you have read it and that it is to be heard now."), fields={"sure": "empty"}
            )
        with here.database.write() as writing:
            desk = Desk(here.settings, here.signer, surveyor().land(writing), here.clock())
            made = deciding.put_on_air(
                writing, actor(), desk, identity, request.form.getlist("for"), code=forms.text("code")
            )
        here.room.catch_up()
        if made:
            flash(gettext("It goes on air as soon as it has been spoken."), "success")
        else:
            flash(gettext("It is noted. What a second person must confirm waits for that."), "success")
        return redirect(url_for("panel.alert", identity=identity), 303)

    return _done(identity, act)


@for_browsers
@forms.keeps_text
def decline(identity: str) -> Answer:
    """Decide that it is not put on air, and why."""

    def act() -> Response:
        with house().database.write() as writing:
            deciding.decline(writing, actor(), identity, request.form.get("why", ""), house().clock())
        house().room.catch_up()
        flash(gettext("It is not put on air. Your reason is kept."), "success")
        return redirect(url_for("panel.sources"), 303)

    return _done(identity, act)


@for_browsers
@forms.keeps_text
def look(identity: str) -> Answer:
    """Note that somebody has looked at what is on air with doubts about its area."""

    def act() -> Response:
        with house().database.write() as writing:
            deciding.looked(writing, actor(), identity, house().clock())
        return redirect(url_for("panel.sources"), 303)

    return _done(identity, act)


def _done(identity: str, act: object) -> Answer:
    done = forms.attempt(act)  # type: ignore[arg-type]
    if not isinstance(done, forms.Problem):
        return done
    if isinstance(done.error, NotFound):
        raise done.error
    return _page(identity, done)
