"""A commune that drills: plans, the worker's look, and stations that answer or don't."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import select
from village import Village

from alerts import drills, drills_report, drills_running
from alerts.drills_models import DrillCheck, DrillPlan, DrillRun
from core.wire import Heartbeat, Report
from registry import stations
from scheduler import commands, reports
from scheduler.models import Airing

A = ("a1", "a1_dyke", "a2", "a_hall")


@dataclass
class Ground:
    """Where it is practised."""

    village: Village

    @property
    def now(self) -> datetime:
        return self.village.clock()

    def plan(
        self, by: str = "approver", *, starts: str = "2026-11-28T09:00", rrule: str | None = drills.MONTHLY, **more
    ):
        content = drills.Content(**({"kind": "spoken", "audience": ["unit:79.1"]} | more))
        with self.village.database.write() as session:
            return drills.set_up(
                session, self.village.actor(by), self.village.unit("commune_a"), content, starts=starts, rrule=rrule,
                default_zone="Asia/Ho_Chi_Minh", now=self.now,
            )  # fmt: skip

    def order(self, kind: str = "silent", by: str = "approver", **more) -> str:
        content = drills.Content(**({"kind": kind, "audience": ["unit:79.1"]} | more))
        with self.village.database.write() as session:
            return drills.order(
                session, self.village.actor(by), self.village.unit("commune_a"), content, self.now,
                default_zone="Asia/Ho_Chi_Minh",
            ).id  # fmt: skip

    def tend(self, holder: str = "host/1/a") -> int:
        here = self.village
        return drills_running.tend(here.database, here.settings, here.signer, holder, self.now)

    def runs(self) -> list[DrillRun]:
        with self.village.database.read() as session:
            return list(session.exec(select(DrillRun).order_by(DrillRun.id)).all())

    def stored(self, plan: DrillPlan) -> DrillPlan:
        with self.village.database.read() as session:
            return session.get_one(DrillPlan, plan.id)

    def airings(self, run: DrillRun) -> list[Airing]:
        with self.village.database.read() as session:
            return drills_report.airings_of(session, session.get_one(DrillRun, run.id))

    def kept(self, run: DrillRun) -> dict[str, DrillCheck]:
        """What was kept, by the stations' names."""
        with self.village.database.read() as session:
            return {row.name: row for row in drills_report.found_in(session, run.id)}

    def answers(self, short: str, airing: Airing, *, after: float = 1.0, outcome: str = "played", **more) -> None:
        """A station acknowledges, sounds `after` seconds, and reports each item."""
        here = self.village
        station, at = here.cast.stations[short], self.now + timedelta(seconds=after)
        beat = {"free_bytes": 4e9, "ready_until": self.now + timedelta(days=7), "keys": [here.signer.kid]} | {
            name: more.pop(name) for name in ("faults", "keys", "free_bytes", "standing") if name in more
        }
        said = [
            Report(
                id=str(uuid.uuid4()), airing=airing.id, item=index, outcome=outcome, started_at=at,
                ended_at=at + timedelta(seconds=item["seconds"]), seconds=item["seconds"], volume=airing.volume or 70,
                **({"peak_db": -3.0} | more),
            )
            for index, item in enumerate(airing.items)
        ]  # fmt: skip
        with here.database.write() as session:
            stations.heard(session, station, Heartbeat(acknowledged=[airing.id], **beat), at)
            commands.acknowledge(session, station, [airing.id], at)
            verdict = reports.accept(session, stations.place(session, station), said, at)
            assert len(verdict.accepted) == len(said)
