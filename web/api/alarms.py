"""Script API: emergencies."""

from flask import Blueprint, Response

from registry import units
from scheduler import emergencies
from web.access import actor, for_scripts
from web.api.bodies import EmergencyAnswer, EmergencyBody
from web.api.reading import answer, body
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/emergencies", create_emergency),
        ("GET", "/emergencies/<identity>", show_emergency),
        ("POST", "/emergencies/<identity>/stop", stop_emergency),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def create_emergency() -> Response:
    """Raise an alarm: on air as soon as its audio is there, over everything else."""
    here, wanted = house(), body(EmergencyBody)
    alarm = emergencies.Alarm(
        audience=wanted.audience, text=wanted.text or "", clip=wanted.clip or None, volume=wanted.volume,
        every_s=wanted.repeat.every_s if wanted.repeat else 0.0, times=wanted.repeat.times if wanted.repeat else 1,
    )  # fmt: skip
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        emergency, airing = emergencies.raise_alarm(
            session, actor(), unit, alarm, signer=here.signer, default_zone=here.settings.zone,
            max_chars=here.settings.max_text_chars, now=here.clock(),
        )  # fmt: skip
        made = EmergencyAnswer(id=emergency.id, airing=airing.id, state=emergencies.stated(airing))
    here.room.catch_up()
    return answer(made, 201)


@for_scripts
def show_emergency(identity: str) -> Response:
    """How an alarm stands."""
    with house().database.read() as session:
        emergency, _, airing = emergencies.find(session, actor(), identity)
    return answer(EmergencyAnswer(id=emergency.id, airing=airing.id, state=emergencies.stated(airing)))


@for_scripts
def stop_emergency(identity: str) -> Response:
    """Silence an alarm everywhere."""
    here = house()
    with here.database.write() as session:
        emergencies.stop(session, actor(), identity, here.clock())
        emergency, _, airing = emergencies.find(session, actor(), identity)
        made = EmergencyAnswer(id=emergency.id, airing=airing.id, state=emergencies.stated(airing))
    here.room.catch_up()
    return answer(made)
