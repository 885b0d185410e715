"""Adding and changing a source of alerts; its address is tried at once."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from alerts.cap.judging import received
from alerts.sources import indexes, pulling, registering, rules
from alerts.sources.models import CapSource
from core.errors import LoaError
from core.outside import Limits
from core.pinning import Pinned
from core.standing import SIGNALS
from registry import unit_choices, units
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import forms
from web.panel.sources import alarmers_only

Answer = Response | str | tuple[str, int]
_TRIAL = Limits(connect_seconds=8, idle_seconds=8, seconds=20, size=8 << 20)
_OK = 200


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sources/new", endpoint="source_new", view_func=new, methods=["GET", "POST"])
    blueprint.add_url_rule("/sources/<identity>/edit", endpoint="source_edit", view_func=edit, methods=["GET", "POST"])


@for_browsers
@forms.keeps_text
def new() -> Answer:
    alarmers_only()
    return _form(None, typed_of(_usual()))


def _usual() -> CapSource:
    """What a form for a new source begins with."""
    trust = rules.written(rules.read({}))
    return CapSource(id="", name="", kind="pull", trust=trust, made_by="", made_at=house().clock())


@for_browsers
@forms.keeps_text
def edit(identity: str) -> Answer:
    with house().database.read() as reading:
        source, unit = registering.find(reading, actor(), identity)
        actor().require(Permission.ALARM, unit)
    return _form(source, typed_of(source))


def _form(source: CapSource | None, typed: MultiDict[str, str]) -> Answer:
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _save(source))
        if not isinstance(done, forms.Problem):
            return done
        problem, typed = done, MultiDict(request.form)
    with house().database.read() as reading:
        page = render_template(
            "panel/source_form.html", form=typed, problem=problem, source=source, scales=rules.SCALES,
            units=unit_choices.offered(reading, actor(), Permission.ALARM, typed.get("unit", "")), signals=SIGNALS,
            thresholds=rules.THRESHOLDS, kinds=registering.KINDS,
        )  # fmt: skip
    return page, problem.status if problem else 200


def typed_of(source: CapSource) -> MultiDict[str, str]:
    """A source as the form holds it."""
    typed: MultiDict[str, str] = MultiDict(
        {
            "name": source.name, "unit": source.unit_id or "", "kind": source.kind, "url": source.url,
            "interval_s": str(source.interval_s), "certificates": source.certificates,
            "tls_certificate": source.tls_certificate, "tls_key_sha256": source.tls_key_sha256,
            "unknown_areas": source.unknown_areas, "signal": source.signal, "times": str(source.times),
            "every_minutes": f"{source.every_s / 60:g}", "signed": "1" if source.trust.get("signed") else "",
            "senders": "\n".join(source.trust.get("senders") or ()),
        }
    )  # fmt: skip
    for threshold in rules.THRESHOLDS:
        for scale, words in (source.trust.get(threshold) or {}).items():
            for word in words:
                typed.add(f"{threshold}-{scale}", word)
    return typed


def _save(source: CapSource | None) -> Response:
    wanted = registering.Wanted(
        name=request.form.get("name", ""), kind=source.kind if source else forms.text("kind"), url=forms.text("url"),
        interval_s=forms.number("interval_s") or 60, certificates=_pem("certificates"),
        tls_certificate=_pem("tls_certificate"), tls_key_sha256=forms.text("tls_key_sha256"), trust=_trust(source),
        unknown_areas=forms.text("unknown_areas") or "person", signal=forms.text("signal"),
        times=forms.number("times") or 1, every_s=(forms.decimal("every_minutes") or 0.0) * 60,
    )  # fmt: skip
    here = house()
    with here.database.write() as writing:
        if source:
            made = registering.change(writing, actor(), source.id, wanted, here.settings, here.clock())
        else:
            unit = units.find(writing, actor(), forms.text("unit"))
            made = registering.create(writing, actor(), unit, wanted, here.settings, here.clock())
    flash(gettext("The source is saved. You answer for its rule."), "success")
    if made.kind == "pull":
        flash(*tried(made))
    return redirect(url_for("panel.source", identity=made.id), 303)


def _pem(name: str) -> str:
    """A certificate from a file, else as it was typed."""
    file = request.files.get(name + "_file")
    given = file.read(registering.MOST_PEM_CHARS + 1).decode("utf-8", "replace") if file and file.filename else ""
    return given.strip() or request.form.get(name, "")


def _trust(source: CapSource | None) -> Mapping[str, Any]:
    thresholds: dict[str, Any] = {
        threshold: {scale: request.form.getlist(f"{threshold}-{scale}") for scale in rules.SCALES}
        for threshold in rules.THRESHOLDS
    }
    return {
        **thresholds,
        "signed": bool(request.form.get("signed")),
        "senders": [line.strip() for line in request.form.get("senders", "").splitlines() if line.strip()],
        "speaks_for": (source.trust.get("speaks_for") or []) if source else [],
    }


def tried(source: CapSource) -> tuple[str, str]:
    """What its address answers now, as a sentence and how it is meant. Nothing of it is taken in."""
    pinned = None
    if source.tls_certificate or source.tls_key_sha256:
        pinned = Pinned(source.tls_certificate, source.tls_key_sha256)
    try:
        answer = house().outside.fetch(source.url, limits=_TRIAL, pinned=pinned)
        if answer.status != _OK:
            return gettext("Its address answers with an error now (HTTP %(status)s).", status=answer.status), "warning"
        if pulling.is_index(answer.body):
            found = len(indexes.entries(answer.body, answer.url))
        else:
            found = len(received(answer.body, house().clock()))
    except LoaError as error:
        return gettext("Its address can't be used now: %(why)s", why=said(error)), "warning"
    return gettext("Its address answers. Messages there now: %(count)s.", count=found), "success"
