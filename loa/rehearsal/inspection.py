"""What the server of a rehearsal says, held against what may be, and at the end against what the stations did."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from loa.rehearsal.headquarters import Headquarters
from loa.rehearsal.post import Said
from loa.rehearsal.province import RELAYED
from loa.rehearsal.witness import Witness
from playlists.models import Bulletin, BulletinVersion
from scheduler.models import Airing, AiringOutcome, PlayReport
from station.due import Key

_CHUNK = 400
SERVER = "the server"


class Inspection:
    """Looks at the server's tables after each change, and at all of it at the end."""

    def __init__(self, witness: Witness) -> None:
        self.moved: set[str] = set()
        self._witness = witness
        self._seen: set[str] = set()

    def after_a_change(self, headquarters: Headquarters) -> dict[Key, float]:
        """Airings newly issued say what may be said then; returns when bulletins in them run out."""
        new = sorted(headquarters.board.book.tickets.keys() - self._seen)
        self._seen.update(new)
        run_out: dict[Key, float] = {}
        if new:
            with headquarters.database.read() as session:
                for start in range(0, len(new), _CHUNK):
                    self._check_content(session, new[start : start + _CHUNK], run_out)
        return run_out

    def _check_content(self, session: Session, airings: Sequence[str], run_out: dict[Key, float]) -> None:
        rows = session.exec(
            select(Airing.id, Airing.starts_at, Airing.items).where(col(Airing.id).in_(airings)).order_by(Airing.id)
        ).all()
        wanted = sorted({item["bulletin"] for _, _, items in rows for item in items if item.get("bulletin")})
        approved: dict[str, BulletinVersion] = {}
        for start in range(0, len(wanted), _CHUNK):
            query = (
                select(BulletinVersion)
                .join(Bulletin, col(Bulletin.id) == BulletinVersion.bulletin_id)
                .where(
                    col(Bulletin.id).in_(wanted[start : start + _CHUNK]), BulletinVersion.number == Bulletin.approved
                )
            )
            approved.update((version.bulletin_id, version) for version in session.exec(query).all())
        for airing, starts_at, items in rows:
            for index, item in enumerate(items):
                if item.get("source") == RELAYED:
                    continue  # put there by who may approve, and no bulletin
                version = approved.get(item.get("bulletin", ""))
                if version is None or version.state != "approved":
                    self._witness.accuse(SERVER, "a bulletin is planned that is not approved", f"{airing} {item}")
                elif version.valid_until is not None:
                    run_out[airing, index] = version.valid_until.timestamp()
                    if version.valid_until <= starts_at:
                        self._witness.accuse(SERVER, "a bulletin is planned that has run out then", f"{airing} {item}")

    # -- at the end --------------------------------------------------------------------------------

    def at_the_end(self, headquarters: Headquarters) -> Said:
        """All that the server holds of the stations, in order of the tables' keys; airings it forgot are accused."""
        reports: dict[str, list[tuple[str, str, int, str, str | None, float]]] = {}
        outcomes: dict[str, list[tuple[str, str, str | None, float]]] = {}
        report: tuple[Any, ...] = (
            PlayReport.station_id, PlayReport.id, PlayReport.airing_id, PlayReport.item, PlayReport.outcome,
            PlayReport.reason, PlayReport.seconds,
        )  # fmt: skip
        outcome: tuple[Any, ...] = (
            AiringOutcome.station_id, AiringOutcome.airing_id, AiringOutcome.outcome, AiringOutcome.reason,
            AiringOutcome.played_seconds,
        )  # fmt: skip
        with headquarters.database.read() as session:
            for station, *row in session.execute(columns(*report).order_by(PlayReport.id)):
                reports.setdefault(station, []).append(tuple(row))
            for station, *row in session.execute(columns(*outcome).order_by(col(AiringOutcome.airing_id))):
                outcomes.setdefault(station, []).append(tuple(row))
            items = session.exec(select(Airing.id, Airing.items, Airing.ticket != "")).all()
            kept = {(row[0], station) for station, rows in outcomes.items() for row in rows}
            self._nobody_is_missing(session, headquarters.by_name, kept)
        seconds = {
            airing: tuple(float(item["seconds"]) for item in each) if signed else None for airing, each, signed in items
        }
        return Said(reports, outcomes, seconds, frozenset(self.moved))

    def _nobody_is_missing(
        self, session: Session, by_name: Mapping[str, Sequence[str]], kept: set[tuple[str, str]]
    ) -> None:
        """Every airing that was not withdrawn before it began has an outcome at each station it was for."""
        open_ones = session.exec(
            select(Airing.id).where(Airing.ticket != "", col(Airing.reconciled_at).is_(None)).order_by(Airing.id)
        ).all()
        for airing in open_ones:
            self._witness.accuse(SERVER, "an airing was never accounted for", airing)
        rows = session.exec(
            select(Airing.id, Airing.audience)
            .where(Airing.ticket != "", func.coalesce(col(Airing.withdrawn_at) > col(Airing.starts_at), True))
            .order_by(Airing.id)
        ).all()
        for airing, audience in rows:
            for station in sorted({each for name in audience for each in by_name.get(name, ())}):
                if (airing, station) not in kept and station not in self.moved:
                    self._witness.accuse(station, "an airing was for it, and the server has no outcome", airing)
