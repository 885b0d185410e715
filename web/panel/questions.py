"""What is asked before an act that can't be taken back: one table, by the act's endpoint.

Each line says what is asked, what will happen, what the button is called, and how the thing is named. The names come
from the services with the person who asks, so that who may not see a thing is answered as if it did not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from alerts import drills
from core.errors import N_, NotFound
from playlists import bulletins, hearing, programmes
from registry import people, stations, units
from registry.account_models import Invitation
from registry.deputy_models import Deputy
from registry.models import ApiToken, Unit
from registry.rights import Actor, Permission
from scheduler import contacts, emergencies, live, prepared, slots

Given = Mapping[str, str]  # what stands in the address
Named = Callable[[Session, Actor, Given], str]


def _nothing(_session: Session, _actor: Actor, _given: Given) -> str:
    return ""


def _unit(session: Session, actor: Actor, given: Given) -> str:
    return units.find(session, actor, given["identity"]).name


def _station(session: Session, actor: Actor, given: Given) -> str:
    station, unit = stations.find(session, actor, given["identity"])
    return f"{station.name} · {unit.name}"


def _person(session: Session, actor: Actor, given: Given) -> str:
    return people.find(session, actor, given["identity"])[0].name


def _bulletin(session: Session, actor: Actor, given: Given) -> str:
    _, unit, version = bulletins.find(session, actor, given["identity"])
    return f"{version.title} · {unit.name}"


def _slot(session: Session, actor: Actor, given: Given) -> str:
    slot, unit = slots.find(session, actor, given["identity"])
    return f"{programmes.find(session, actor, slot.programme_id)[0].title} · {unit.name}"


def _contact(session: Session, actor: Actor, given: Given) -> str:
    contact, unit = contacts.find(session, actor, given["identity"])
    return f"{contact.name or contact.address} · {unit.name}"


def _emergency(session: Session, actor: Actor, given: Given) -> str:
    emergency, unit, _ = emergencies.find(session, actor, given["identity"])
    return f"{emergency.title} · {unit.name}"


def _prepared(session: Session, actor: Actor, given: Given) -> str:
    return prepared.find(session, actor, given["identity"]).message.title


def _talk(session: Session, actor: Actor, given: Given) -> str:
    talk, unit, _ = live.find(session, actor, given["identity"])
    return f"{talk.title} · {unit.name}"


def _drill(session: Session, actor: Actor, given: Given) -> str:
    return drills.find_plan(session, actor, given["identity"])[1].name


def _clip(session: Session, actor: Actor, given: Given) -> str:
    hearing.find(session, actor, given["identity"])
    return ""


def _deputy(session: Session, actor: Actor, given: Given) -> str:
    row = session.get(Deputy, given["identity"])
    unit = session.get(Unit, row.unit_id) if row else None
    if row is None or unit is None:
        raise NotFound
    if actor.id not in {row.person_id, row.of_person_id} and not actor.may(Permission.ADMINISTER, unit):
        raise NotFound
    return unit.name


def _invitation(session: Session, actor: Actor, given: Given) -> str:
    row = session.get(Invitation, given["identity"])
    unit = session.get(Unit, row.unit_id) if row and row.unit_id else None
    if row is None or unit is None:
        raise NotFound
    actor.require(Permission.ADMINISTER, unit)
    return f"{row.name} · {unit.name}"


def _token(session: Session, actor: Actor, given: Given) -> str:
    row = session.get(ApiToken, given["identity"])
    if row is None:
        raise NotFound
    if row.person_id != actor.id:
        people.find(session, actor, row.person_id)
    return row.label


@dataclass(frozen=True)
class Question:
    """What is asked before one act; `only` are the orders (the form's `do`) it is asked for, empty: always."""

    asked: str
    then: str
    button: str
    named: Named = _nothing
    only: frozenset[str] = frozenset()


QUESTIONS: dict[str, Question] = {
    "panel.bulletin_withdraw": Question(
        N_("Withdraw the bulletin for good?"),
        N_("It sounds nowhere any more, and stations delete it. To say it again, write it anew."),
        N_("Withdraw"), _bulletin,
    ),
    "panel.bulletin_forget": Question(
        N_("Drop your own text and go on with the other one?"),
        N_("What you have typed and not saved is lost."), N_("Drop mine, take this one"), _bulletin,
    ),
    "panel.clip_cancel": Question(
        N_("Stop making this audio?"), N_("Nothing is kept of it. The text stays, and it can be made again."),
        N_("Stop making it"), _clip,
    ),
    "panel.contact_remove": Question(
        N_("Send nothing more there?"), N_("Whoever is meant is no longer told when a loudspeaker fails."),
        N_("Remove"), _contact,
    ),
    "panel.deputy_end": Question(
        N_("End this now?"), N_("The deputy approves nothing more from now on. What was approved stays approved."),
        N_("End now"), _deputy,
    ),
    "panel.drill_end": Question(
        N_("End this drill for good? What was found stays."),
        N_("It is not held again, until somebody sets up another."), N_("End"), _drill,
    ),
    "panel.emergency_stop": Question(
        N_("Silence this emergency at every station?"),
        N_("People hear nothing more of it. If the danger is over, say so: send the all-clear."),
        N_("Stop the emergency"), _emergency,
    ),
    "panel.end_others": Question(
        N_("Sign out everywhere else?"),
        N_("Only this browser stays signed in. What is being typed elsewhere may be lost."),
        N_("Sign out everywhere else"),
    ),
    "panel.invitation_revoke": Question(
        N_("Take this invitation back? Its link then leads nowhere."),
        N_("Who was invited can't sign in with it. You can invite them again."), N_("Take back"), _invitation,
    ),
    "panel.live_stop": Question(
        N_("Stop this talk at every station?"),
        N_("The speaker is cut off, and the stations go on with the programme."),
        N_("Stop this talk"), _talk,
    ),
    "panel.person_password": Question(
        N_("Give this person a new password?"),
        N_("The old password opens nothing any more, and the person is signed out everywhere."),
        N_("New password"), _person,
    ),
    "panel.person_reset_factor": Question(
        N_("Take the second factor away? The password alone opens the account then."),
        N_("Do this only if you are sure who asks for it: call the person back."),
        N_("Take the second factor away"), _person,
    ),
    "panel.person_revoke": Question(
        N_("Take this role away?"), N_("The person can do nothing more there. What they have done stays."),
        N_("Take away"), _person,
    ),
    "panel.prepared_retire": Question(
        N_("Retire this message? Stations drop it."),
        N_("Nobody can start it at a station any more, also not when the network is down."), N_("Retire"), _prepared,
    ),
    "panel.slot_withdraw": Question(
        N_("Take this slot off the timetable?"),
        N_("None of its coming airings sounds. What has been played stays in the play log."),
        N_("Take off the timetable"), _slot,
    ),
    "panel.station_order": Question(
        N_("Give this order to the station?"), N_("What sounds there breaks off, for everybody who is listening."),
        N_("Give the order"), _station, frozenset({"restart", "stop"}),
    ),
    "panel.station_refuse": Question(
        N_("Send this device away? It can enrol again with a new code."),
        N_("It gets no programmes and no emergencies until then."), N_("No, send it away"), _station,
    ),
    "panel.station_revoke": Question(
        N_("Take this station out of service? It falls silent."),
        N_("It plays nothing more, no emergency either. To bring it back, its device needs a new code."),
        N_("Take out of service"), _station,
    ),
    "panel.time_daypart_remove": Question(
        N_("Remove this unit's own times?"), N_("The times of the unit above hold again, for all slots that use them."),
        N_("Remove these times"), _unit,
    ),
    "panel.time_give_back": Question(
        N_("Give this time back?"), N_("Units below may then put their own programmes there."),
        N_("Give the time back"), _unit,
    ),
    "panel.token_revoke": Question(
        N_("End this token? Scripts with it get no further."), N_("It can't be brought back; a new one can be made."),
        N_("End it"), _token,
    ),
    "panel.unit_calendar_revoke": Question(
        N_("End the address? Calendars that use it stay as they are."),
        N_("They are told of no change any more. You can make a new address."), N_("End the address"), _unit,
    ),
    "panel.voice_remove": Question(
        N_("Let the units above decide again?"), N_("New bulletins are read with the voice that they have chosen."),
        N_("Take this choice back"), _unit,
    ),
    "panel.word_remove": Question(
        N_("Take this word out? It is then read as written."),
        N_("That holds for what is made from now on, here and in all units below."), N_("Take out"), _unit,
    ),
}  # fmt: skip
