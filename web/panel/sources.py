"""Sources of alerts: which there are, how they fare, and what came; for those who may raise an alarm."""

from cryptography import x509
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from alerts.cap.signatures import certificates
from alerts.offering import gathering, publishing
from alerts.sources import deciding, registering, rules
from alerts.sources.models import CapSource
from core.errors import N_, Forbidden
from registry import unit_choices, units
from registry.models import Person
from registry.rights import Permission
from web import addresses
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times

_WISHES = {"everybody": True, "nobody": False}
_SHOWN = 50


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sources", endpoint="sources", view_func=overview)
    blueprint.add_url_rule("/sources/<identity>", endpoint="source", view_func=show)
    blueprint.add_url_rule("/sources/<identity>/switch", endpoint="source_switch", view_func=switch, methods=["POST"])
    blueprint.add_url_rule("/units/<identity>/alerts", endpoint="unit_alerts", view_func=offer, methods=["POST"])


def alarmers_only() -> None:
    """Raises Forbidden for anybody who may raise no alarm anywhere."""
    if not actor().may_somewhere(Permission.ALARM):
        raise Forbidden(N_("Only those who may raise an alarm see this page."))


@for_browsers
def overview() -> str:
    """What waits for a person, the sources, and whether our own emergencies are offered to others."""
    alarmers_only()
    with house().database.read() as reading:
        administered = unit_choices.offered(reading, actor(), Permission.ADMINISTER)[:_SHOWN]
        above = units.with_those_above(reading, [unit.id for unit in administered])
        return render_template(
            "panel/sources.html",
            waiting=deciding.waiting(reading, actor()),
            sources=registering.visible(reading, actor()),
            log=deciding.log(reading, actor(), limit=_SHOWN),
            offered=[
                (unit, gathering.is_public([above[each] for each in unit.path.strip("/").split("/")]))
                for unit in administered
            ],
            feed=addresses.whole(url_for("offering.feed")),
            zone=times.home_zone(),
        )


@for_browsers
def show(identity: str) -> str:
    """One source: its rule in words, its certificates, and what came from it."""
    with house().database.read() as reading:
        source, unit = registering.find(reading, actor(), identity)
        alarmers_only()
        return render_template(
            "panel/source.html",
            source=source,
            unit=unit,
            answers=reading.get(Person, source.made_by),
            trust=rules.written(rules.read(source.trust)),
            scales=rules.SCALES,
            certificates=shown(source.certificates),
            pinned=shown(source.tls_certificate),
            log=deciding.log(reading, actor(), source=source.id, limit=_SHOWN),
            zone=times.zone_of(reading, unit),
            push=addresses.whole(url_for("api.take_cap", source=source.id)) if source.kind == "push" else "",
        )


def shown(pem: str) -> list[dict[str, object]]:
    """Subject and validity of each certificate."""
    return [
        {"subject": _name(each), "from": each.not_valid_before_utc, "until": each.not_valid_after_utc}
        for each in certificates(pem)
    ]


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()[:200]


@for_browsers
def switch(identity: str) -> Response:
    """Take a source into use, or out of it."""
    wanted = request.form.get("active") == "1"

    def act() -> CapSource:
        with house().database.write() as writing:
            return registering.switch(writing, actor(), identity, active=wanted, now=house().clock())

    done = N_("The source is in use.") if wanted else N_("The source is out of use. Nothing of it goes on air.")
    return forms.acted(act, done, url_for("panel.source", identity=identity))


@for_browsers
def offer(identity: str) -> Response:
    """Offer emergencies of a unit and those below to other systems, or not."""
    wanted = _WISHES.get(request.form.get("public_alerts", ""))
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        publishing.open_feed(writing, actor(), unit, wanted, house().clock())
    flash(gettext("The settings are saved. They hold here and below."), "success")
    return redirect(url_for("panel.sources"), 303)
