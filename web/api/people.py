"""Script API: people."""

from flask import Blueprint, Response

from registry import people, units
from registry.rights import Role
from web.access import actor, for_scripts
from web.api.bodies import PersonAnswer, PersonBody
from web.api.reading import answer, body, listed
from web.app import house


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/people", view_func=create_person, methods=["POST"], endpoint="create_person")
    blueprint.add_url_rule("/people", view_func=list_people, methods=["GET"], endpoint="list_people")


@for_scripts
def create_person() -> Response:
    """Add a person with one role; the generated password is in this answer and nowhere else."""
    here, wanted = house(), body(PersonBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        person, password = people.create(
            session,
            actor(),
            username=wanted.username,
            name=wanted.name,
            unit=unit,
            role=Role(wanted.role),
            now=here.clock(),
        )
        made = PersonAnswer(
            id=person.id,
            username=person.username,
            name=person.name,
            unit=unit.code,
            role=wanted.role,
            password=password,
        )
    return answer(made, 201)


@for_scripts
def list_people() -> Response:
    """Everybody with a role where the caller administers, a line for each role."""
    with house().database.read() as session:
        rows = people.visible(session, actor())
    return listed(
        [PersonAnswer(id=p.id, username=p.username, name=p.name, unit=u.code, role=r.value) for p, u, r in rows], None
    )
