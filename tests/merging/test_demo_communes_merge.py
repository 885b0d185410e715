"""The demo's two communes become one while their stations play: rehearsed in virtual time, with and without the merger.

Stations fetch their plans (one of them only every half hour), check each ticket as a real one does, play each occurrence
once, and report. What sounded, and what the reports say of it, must be the same either way.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from alerts import relocating
from audio.models import Clip
from audio.store import MediaStore
from core import audit
from core.settings import Settings, load
from core.signing import Verifier
from core.wire import Device, Report, Ticket, is_for
from loa import demonstration
from loa.installation import prepare
from registry import stations, units
from registry.models import Station, Unit
from registry.rights import system_actor
from scheduler import dispatching, heard, keys, log, month_figures, planning, public_log, reports, statistics
from scheduler.models import Airing, AiringOutcome
from scheduler.plans import PlanBook

FIVE = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # 17:00 in Vietnam: the evening's programmes of both begin
START = FIVE - timedelta(minutes=16, seconds=30)
MERGED_AT = FIVE + timedelta(seconds=15)
END = FIVE + timedelta(minutes=22)
CLIP_SECONDS = 20.0
SELDOM = timedelta(minutes=30)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Receiver:
    """A station: the plan it holds, what it has played, and what it has not reported yet."""

    id: str
    every: timedelta
    fetched_at: datetime = NEVER
    looked_at: datetime = START
    names: frozenset[str] = frozenset()
    held: dict[str, Ticket] = field(default_factory=dict)
    playing: Ticket | None = None
    began: dict[str, datetime] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    outbox: list[Report] = field(default_factory=list)

    def fetch(self, session: Session, book: PlanBook, verifier: Verifier, zone: str, now: datetime) -> None:
        if now - self.fetched_at < self.every:
            return
        document = book.document(stations.place(session, self.id), zone, now)
        self.names, self.fetched_at = frozenset(document.settings.audience), now
        tickets = [verifier.verify(each) for each in document.airings]
        assert all(is_for(each, self.names) for each in tickets)
        self.held = {each.id: each for each in tickets}

    def tick(self, now: datetime) -> None:
        self._go_on(now)
        for ticket in sorted(self.held.values(), key=lambda each: each.starts_at):
            due = self.looked_at < ticket.starts_at <= now and self.playing is None
            if due and ticket.occurrence and ticket.occurrence not in self.began:
                self.playing, self.began[ticket.occurrence] = ticket, ticket.starts_at
                self._go_on(now)
        self.looked_at = now

    def _go_on(self, now: datetime) -> None:
        if self.playing is None:
            return
        if self.playing.ends_at <= now:
            self._tell(self.playing)
            self.playing = None
        elif self.playing.id not in self.held:
            self.cut.append(self.playing.occurrence or "")
            self.playing = None

    def _tell(self, ticket: Ticket) -> None:
        for number, item in enumerate(ticket.items):
            begins = ticket.starts_at + timedelta(seconds=item.at)
            self.outbox.append(
                Report(
                    id=f"00000000-0000-4000-8000-{abs(hash((self.id, ticket.id, number))) % 10**12:012d}", airing=ticket.id,
                    item=number, outcome="played", started_at=begins, ended_at=begins + timedelta(seconds=item.seconds),
                    seconds=item.seconds, volume=60,
                )
            )  # fmt: skip


class Province:
    """The demo's province with every station in service, its worker and its clock."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.database = settings, prepare(settings)
        self.signer, self.now = keys.signer(settings), START
        self.verifier = Verifier(keys.public_keys(settings))
        made = START - timedelta(minutes=5)
        with self.database.write() as session:
            demonstration.make(session, settings, made)
            # By name: made at one instant, they have no other order that is the same in both provinces.
            chosen = session.exec(select(Station.id).order_by(col(Station.name))).all()
            for each in chosen:
                code = stations.renew_code(session, system_actor(), each, 24, made)
                assert stations.enrol(session, code, Device(serial=each), made)
        self.receivers = [Receiver(each, SELDOM if n == 3 else timedelta(0)) for n, each in enumerate(chosen)]
        self._finish_clips()

    def _finish_clips(self) -> None:
        store = MediaStore(self.settings.media)
        with self.database.write() as session, store.workspace() as folder:
            for clip in session.exec(select(Clip)).all():
                kept = {}
                for codec in ("mp3", "opus"):
                    (folder / codec).write_bytes(f"{codec} {clip.id}".encode())
                    kept[codec] = store.put(folder / codec, codec)
                clip.state, clip.progress, clip.seconds, clip.ready_at = "ready", 100, CLIP_SECONDS, START
                clip.lufs, clip.true_peak_db, clip.spoken_by = -16.0, -2.0, "test"
                clip.mp3_sha256, clip.mp3_bytes = kept["mp3"].sha256, kept["mp3"].bytes
                clip.opus_sha256, clip.opus_bytes = kept["opus"].sha256, kept["opus"].bytes
                session.add(clip)

    def run(self, until: datetime) -> None:
        while self.now < until:
            near = abs(self.now - FIVE) < timedelta(minutes=1)
            self.now += timedelta(seconds=15 if near else 30)
            busy = near or (self.now.minute % 5 == 0 and self.now.second == 0)
            if busy:
                planning.roll(self.database, self.settings, self.signer, self.now)
            for each in self.receivers:
                each.tick(self.now)
            if not busy:
                continue
            with self.database.write() as session:
                dispatching.dispatch(session, self.now)
                book = PlanBook()
                book.load(session, self.now)
                for each in self.receivers:
                    each.fetch(session, book, self.verifier, self.settings.zone, self.now)
                    each.tick(self.now)
                    if each.outbox and each.fetched_at == self.now:
                        verdict = reports.accept(session, stations.place(session, each.id), each.outbox, self.now)
                        assert verdict.refused == []
                        each.outbox = []

    def merge(self) -> None:
        with self.database.write() as session:
            relocating.merge(session, system_actor(), "79.101", "79.102", self.now, name="Xã Phú Hòa", code="79.110")

    def add_up(self) -> None:
        for _ in range(3):
            self.now += timedelta(minutes=10)
            with self.database.write() as session:
                dispatching.dispatch(session, self.now)
                reports.reconcile(session, self.now, timedelta(minutes=5))
            self.run(self.now + timedelta(minutes=6))
        heard.keep_up(self.database, self.settings.zone, self.now)
        month_figures.keep_up(self.database, self.settings.zone, self.now)

    def sounded(self) -> dict[str, list[datetime]]:
        """Name of the station → instants at which an occurrence began there, by slot as well."""
        with self.database.read() as session:
            names = dict(session.exec(select(Station.id, Station.name)).all())
        until = END
        return {names[e.id]: sorted(at for at in e.began.values() if at < until) for e in self.receivers}

    def figures(self, code: str) -> tuple[float, float, int]:
        with self.database.read() as session:
            unit = units.find(session, system_actor(), code)
            whole = statistics.report(session, unit, ["2026-11"], START - timedelta(days=30), self.now).whole
            return round(whole.planned, 1), round(whole.played, 1), whole.bulletins

    def owed(self) -> dict[str, int]:
        """By outcome, how many airings at stations are accounted for that began before the end."""
        found: dict[str, int] = {}
        with self.database.read() as session:
            rows = session.exec(
                select(AiringOutcome.outcome)
                .join(Airing, col(Airing.id) == AiringOutcome.airing_id)
                .where(col(Airing.starts_at) < END)
            ).all()
        for each in rows:
            found[each] = found.get(each, 0) + 1
        return found


@pytest.fixture
def provinces(tmp_path: Path) -> Iterator[list[Province]]:
    made = [Province(load(tmp_path / name, gtts_enabled=False)) for name in ("as_it_was", "merged")]
    yield made
    for each in made:
        each.database.dispose()


@pytest.mark.timeout(1_800)  # a minute of the processor, which others may have meanwhile
def test_the_demos_communes_merge_while_they_play(provinces: list[Province]):
    as_it_was, merged = provinces
    as_it_was.run(END)
    merged.run(MERGED_AT)
    playing = [each for each in merged.receivers if each.playing]
    assert len(playing) >= 4, "nothing was on air when the communes merged"
    before = {code: merged.figures(code) for code in ("79.101", "79.102")}
    merged.merge()
    merged.run(END)
    assert [each.cut for each in merged.receivers] == [[]] * len(merged.receivers), "something was cut off"
    assert merged.sounded() == as_it_was.sounded(), "what sounds where is another"
    for province in provinces:
        province.add_up()
    assert merged.owed() == as_it_was.owed()
    assert merged.owed()["played"] >= len(merged.receivers)
    # The month of the merger: of both together as much as of each for itself, none of it twice.
    one, other = as_it_was.figures("79.101"), as_it_was.figures("79.102")
    assert merged.figures("79.110") == tuple(a + b for a, b in zip(one, other, strict=True))
    assert merged.figures("79") == as_it_was.figures("79")
    _history_is_found(merged, before)


def _history_is_found(merged: Province, before: dict[str, tuple[float, float, int]]) -> None:
    with merged.database.read() as session:
        system = system_actor()
        unit = units.find(session, system, "79.110")
        assert {units.find(session, system, code).id for code in ("79.101", "79.102")} == {unit.id}
        former = session.exec(select(Unit).where(Unit.merged_into == unit.id)).one()
        entries = log.entries(session, system, start=START, end=END, unit=unit)
        shown = {each.airing.id for each in entries}
        mine = session.exec(
            select(Airing.id).where(
                col(Airing.unit_id).in_([unit.id, former.id]), col(Airing.starts_at) < END, Airing.state == "over"
            )
        ).all()
        assert set(mine) <= shown
        months = public_log.months(session, unit)
        assert months == ["2026-11"]
        titles = {each.title for each in public_log.of_month(session, unit, "2026-11", 50)}
        assert {"Phòng trừ rầy nâu", "Tạm ngừng cung cấp điện"} <= titles
        assert audit.verify(session) is None
    assert before["79.101"][0] >= 0
    assert merged.figures(former.id)[1] > 0, "what the former unit played before the merger is not told apart any more"
