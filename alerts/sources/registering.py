"""Sources of alerts: making and changing them, by people who answer by name for what goes on air by itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from alerts.cap.signatures import certificates
from alerts.sources import attention, rules
from alerts.sources.models import CapSource
from core import audit
from core.errors import N_, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.outside import parse
from core.settings import Settings
from core.standing import SIGNALS
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from registry.units import clean_name
from scheduler import troubles
from scheduler.alarms import MAX_REPEATING_S, MAX_TIMES

KINDS = ("pull", "push")
SHORTEST_S, LONGEST_S = 30, 86_400
MOST_PEM_CHARS = 100_000
MOST_CERTIFICATES = 20
_KEY = re.compile(r"[0-9a-f]{64}")
_SEPARATORS = re.compile(r"[\s:]+")


@dataclass(frozen=True)
class Wanted:
    """What a person wants a source to be. `trust` as in `rules.read`; intervals and repeats in seconds."""

    name: str
    kind: str = "pull"
    url: str = ""
    interval_s: int = 60
    certificates: str = ""
    tls_certificate: str = ""
    tls_key_sha256: str = ""
    trust: Mapping[str, Any] | None = None
    unknown_areas: str = "person"
    signal: str = "siren"
    times: int = 2
    every_s: float = 0.0


def create(session: Session, actor: Actor, unit: Unit, wanted: Wanted, settings: Settings, now: datetime) -> CapSource:
    """Add a source for `unit`; whoever makes it answers for its rule. Raises InvalidInput."""
    actor.require(Permission.ALARM, unit)
    source = CapSource(id=new_id("cs"), unit_id=unit.id, name="", kind=wanted.kind, made_by=actor.id, made_at=now)
    _settle(source, wanted, settings)
    source.next_poll_at = now
    session.add(source)
    session.flush()
    _record(session, actor, "source.add", source, now)
    return source


def change(
    session: Session, actor: Actor, source_id: str, wanted: Wanted, settings: Settings, now: datetime
) -> CapSource:
    """Change a source; from now on whoever changes it answers for its rule. Raises InvalidInput, NotFound."""
    source, unit = find(session, actor, source_id)
    actor.require(Permission.ALARM, unit)
    before = source.url
    _settle(source, wanted, settings)
    source.made_by, source.made_at, source.next_poll_at = actor.id, now, now
    if source.url != before:
        source.etag = source.last_modified = ""
    session.add(source)
    _record(session, actor, "source.change", source, now)
    return source


def switch(session: Session, actor: Actor, source_id: str, *, active: bool, now: datetime) -> CapSource:
    """Take a source into use or out of it; what it put on air stays there until its time."""
    source, unit = find(session, actor, source_id)
    actor.require(Permission.ALARM, unit)
    if source.active == active:
        return source
    source.active, source.next_poll_at = active, now
    source.failures, source.failing_since, source.error = 0, None, ""
    if not active:
        attention.source_is_well(session, source, now)
        troubles.clear(session, "source", [source.id], now)
    session.add(source)
    _record(session, actor, "source.on" if active else "source.off", source, now)
    return source


def find(session: Session, actor: Actor, source_id: str) -> tuple[CapSource, Unit]:
    """A source of a unit that the actor may see, with its unit. Raises NotFound."""
    source = session.get(CapSource, source_id)
    unit = session.get(Unit, source.unit_id) if source and source.unit_id else None
    if source is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return source, unit


def visible(session: Session, actor: Actor) -> list[tuple[CapSource, Unit, Person | None]]:
    """The sources of units that the actor may see, with who answers for each, by name."""
    rows = session.exec(
        select(CapSource, Unit, Person)
        .join(Unit, col(Unit.id) == CapSource.unit_id)
        .join(Person, col(Person.id) == CapSource.made_by, isouter=True)
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(CapSource.name), col(CapSource.id))
    ).all()
    return [(source, unit, person) for source, unit, person in rows]


def for_push(session: Session, actor: Actor, wanted: str, now: datetime) -> CapSource:
    """The source by whose rule a person hands in messages.

    `wanted` names a push source; without it that is the only one of the units where the person may raise an alarm, else
    the person's own right, which has the usual rule. Raises NotFound, and InvalidInput where there are several.
    """
    if not (actor.may_somewhere(Permission.ALARM) or actor.may_somewhere(Permission.WRITE)):
        raise Forbidden(N_("Your role does not let you hand in messages."))
    if wanted:
        source, unit = find(session, actor, wanted)
        if source.kind != "push" or not source.active:
            raise NotFound
        actor.require(Permission.ALARM, unit)
        return source
    offered = session.exec(
        select(CapSource)
        .join(Unit, col(Unit.id) == CapSource.unit_id)
        .where(CapSource.kind == "push", CapSource.active, actor.within(Permission.ALARM, col(Unit.path)))
        .order_by(col(CapSource.id))
        .limit(2)
    ).all()
    if len(offered) > 1:
        raise InvalidInput(
            N_("There are several sources that take messages. Say by “source” which one this comes from."),
            fields={"source": "several"},
        )
    return offered[0] if offered else _own(session, actor, now)


def _own(session: Session, actor: Actor, now: datetime) -> CapSource:
    if session.get(Person, actor.id) is None:
        raise Forbidden(N_("Only a person of this installation hands in messages."))
    mine = select(CapSource).where(CapSource.kind == "person", CapSource.made_by == actor.id)
    source = session.exec(mine.order_by(col(CapSource.id)).limit(1)).first()
    if source is None:
        source = CapSource(
            id=new_id("cs"), name=actor.name, kind="person", made_by=actor.id, made_at=now, trust=rules.written(_USUAL)
        )
        session.add(source)
        session.flush()
    return source


_USUAL = rules.read({})


def _settle(source: CapSource, wanted: Wanted, settings: Settings) -> None:
    if source.kind not in KINDS or wanted.kind != source.kind:
        raise InvalidInput(N_("A source is asked by us, or calls us."), fields={"kind": "unknown"})
    trust = rules.read(wanted.trust or {})
    source.name = clean_name(wanted.name)
    source.certificates = _pem(wanted.certificates, "certificates")
    source.tls_certificate = _pem(wanted.tls_certificate, "tls_certificate")
    source.tls_key_sha256 = _key(wanted.tls_key_sha256)
    if trust.signed and not source.certificates:
        raise InvalidInput(
            N_("To ask for signatures, give the certificate that the source signs with."),
            fields={"certificates": "empty"},
        )
    if source.kind == "pull":
        source.url = parse(wanted.url.strip()).geturl()
        if not SHORTEST_S <= wanted.interval_s <= LONGEST_S:
            raise InvalidInput(
                N_("Ask it every %(shortest)s to %(longest)s seconds."), fields={"interval_s": "range"},
                shortest=SHORTEST_S, longest=LONGEST_S,
            )  # fmt: skip
        source.interval_s = wanted.interval_s
        if trust.by_itself and not trust.signed and not is_sure(source, settings):
            raise InvalidInput(
                N_(
                    "What goes on air by itself must come signed or over https; over plain http anybody on the way "
                    "could speak. Take an address with https, ask for signatures, or let a person decide."
                ),
                fields={"by_itself": "unsure"},
            )
    else:
        source.url = ""
    source.trust, source.signal = rules.written(trust), wanted.signal
    _check_how(wanted)
    source.times, source.every_s, source.unknown_areas = wanted.times, wanted.every_s, wanted.unknown_areas


def is_sure(source: CapSource, settings: Settings) -> bool:
    """Whether it is certain whom the answers come from: over TLS, or from a host that the administrator vouches for."""
    parts = urlsplit(source.url)
    return parts.scheme == "https" or (parts.hostname or "").lower() in vouched(settings.outside_hosts)


def vouched(hosts: Sequence[str]) -> set[str]:
    """The hosts that the settings allow one by one, by name or address; whole networks don't count."""
    return {each.strip().lower().removesuffix("/32").removesuffix("/128") for each in hosts}


def _check_how(wanted: Wanted) -> None:
    if wanted.signal not in SIGNALS:
        raise InvalidInput(N_("The signal is siren, chime or none."), fields={"signal": "unknown"})
    if not (1 <= wanted.times <= MAX_TIMES and 0 <= wanted.every_s * max(wanted.times - 1, 1) <= MAX_REPEATING_S):
        raise InvalidInput(
            N_("An emergency is said at most %(times)s times, within a day."), fields={"times": "range"},
            times=MAX_TIMES,
        )  # fmt: skip
    if wanted.unknown_areas not in rules.UNKNOWN_AREAS:
        raise InvalidInput(
            N_("Say whether a person looks at unknown areas, or they are only listed."), fields={"unknown_areas": "?"}
        )


def _pem(text: str, field: str) -> str:
    """PEM with certificates, or nothing. Raises InvalidInput."""
    text = text.strip()
    if len(text) > MOST_PEM_CHARS or len(certificates(text)) > MOST_CERTIFICATES:
        raise InvalidInput(
            N_("At most %(limit)s certificates are taken."), fields={field: "count"}, limit=MOST_CERTIFICATES
        )
    return text


def _key(text: str) -> str:
    key = _SEPARATORS.sub("", text.strip().lower())
    if key and not _KEY.fullmatch(key):
        raise InvalidInput(
            N_("The SHA-256 of a key has 64 digits from 0 to 9 and a to f."), fields={"tls_key_sha256": "form"}
        )
    return key


def _record(session: Session, actor: Actor, action: str, source: CapSource, now: datetime) -> None:
    audit.record(
        session, actor=actor.username, action=action, subject=source.id, unit_id=source.unit_id, now=now,
        name=source.name, kind=source.kind, url=source.url, trust=source.trust, signal=source.signal,
        signed=bool(source.certificates), pinned=bool(source.tls_certificate or source.tls_key_sha256),
    )  # fmt: skip
