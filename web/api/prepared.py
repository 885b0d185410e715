"""Script API: prepared messages for emergencies."""

from flask import Blueprint, Response, request

from registry import units
from scheduler import prepared
from scheduler.prepared import Shown, Source
from web.access import actor, for_scripts
from web.api.alarm_bodies import PreparedAnswer, PreparedBody, PreparedVersionAnswer
from web.api.reading import answer, body, listed, local_or_instant
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/prepared", list_prepared),
        ("POST", "/prepared", create_prepared),
        ("POST", "/prepared/<identity>/retire", retire_prepared),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def list_prepared() -> Response:
    """The messages in use that the caller sees; with `unit` those that hold there, also of the units above."""
    name = request.args.get("unit", "")
    with house().database.read() as session:
        unit = units.find(session, actor(), name) if name else None
        rows = prepared.visible(session, actor(), unit=unit)
    return listed([_shown(each) for each in rows], None)


@for_scripts
def create_prepared() -> Response:
    """Keep a message ready: an approved bulletin, or recordings, under the caller's name."""
    here, wanted = house(), body(PreparedBody)
    said = [Source(clip=each.clip, language=each.language, bulletin=each.bulletin) for each in wanted.versions]
    if wanted.bulletin:
        said.insert(0, Source(bulletin=wanted.bulletin))
    typed = wanted.valid_until if isinstance(wanted.valid_until, str | None) else wanted.valid_until.isoformat()
    until = local_or_instant(typed, here.settings.zone, end=True) if typed else None
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        made = prepared.add(
            session, actor(), unit, kind=wanted.kind, title=wanted.title, said=said, valid_until=until,
            signer=here.signer, now=here.clock(),
        )  # fmt: skip
        shown = _shown(prepared.find(session, actor(), made.id))
    here.room.catch_up()
    return answer(shown, 201)


@for_scripts
def retire_prepared(identity: str) -> Response:
    """Take a message out of use: stations drop it with their next plan."""
    here = house()
    with here.database.write() as session:
        prepared.retire(session, actor(), identity, here.clock())
        shown = _shown(prepared.find(session, actor(), identity))
    here.room.catch_up()
    return answer(shown)


def _shown(each: Shown) -> PreparedAnswer:
    message = each.message
    return PreparedAnswer(
        id=message.id, unit=each.unit.code, kind=message.kind, title=message.title, state=each.state(house().clock()),
        versions=[
            PreparedVersionAnswer(
                language=version.language, clip=clip.id, clip_state=clip.state, seconds=clip.seconds
            )
            for version, clip in each.versions
        ],
        approved_by=message.approved_name, approved_at=message.approved_at, valid_until=message.valid_until,
    )  # fmt: skip
