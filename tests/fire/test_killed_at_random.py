"""SIGKILL at random instants through a busy hour; the seed is printed, and another one may be set with LOA_FIRE_SEED."""

import os
import secrets

import pytest
from busy_hour import LASTS, BusyHour
from ledger import signed_in_time
from sqlmodel import func, select
from village import NOW

from registry.models import StationState
from scheduler.models import Airing, AiringOutcome, Trouble

SEED = int(os.environ.get("LOA_FIRE_SEED") or secrets.randbelow(1 << 32))
KILLS = int(os.environ.get("LOA_FIRE_KILLS") or 200)
_LIFE = 0.14  # seconds that a worker lives at most, between forking and its death
_PAUSE_EVERY = 5  # deaths; then the jobs may all come round: what dies under six workers counts as their murderer


def under_fire(hour: BusyHour, kills: int, workers: int = 1) -> None:
    """The hour passes, and so many workers die in it, each replaced at once or a little later."""
    battle, chance = hour.battle, hour.chance
    step = LASTS.total_seconds() / kills
    for _ in range(workers):
        battle.start()
    battle.rounds()
    for number in range(kills):
        share = chance.random()
        hour.advance(step * share)
        battle.live_on(chance.uniform(0, _LIFE))
        battle.kill()
        if chance.random() < 0.5:
            hour.advance(step * (1 - share))
            battle.start()
        else:
            battle.start()
            hour.advance(step * (1 - share))
        if number % _PAUSE_EVERY == 0:
            battle.rounds()
    hour.settle(NOW + LASTS * 1.5)


def verdict(hour: BusyHour, kills: int) -> None:
    assert hour.battle.deaths == kills
    assert hour.faults() == []
    with hour.village.database.read() as session:
        planned, late = signed_in_time(session, hour.firm, NOW, NOW + LASTS)
        assert planned == len(hour.firm)
        assert late == []
        assert session.exec(select(Trouble)).all() == [], "nobody is alarmed because workers are killed"
        assert session.exec(select(func.count()).where(StationState.silent_since.is_not(None))).one() == 0
        outcomes = dict(session.exec(select(AiringOutcome.outcome, func.count()).group_by(AiringOutcome.outcome)).all())
        states = dict(session.exec(select(Airing.state, func.count()).group_by(Airing.state)).all())
    print(f"outcomes {outcomes}, airings {states}, alarms {len(hour.alarms)}")  # noqa: T201 - figures for whoever looks
    assert outcomes["played"] > 2 * len(hour.firm)
    assert outcomes["partial"]
    assert len(hour.alarms) > 1


@pytest.mark.timeout(900)
def test_killed_two_hundred_times_in_an_hour_a_worker_loses_doubles_and_delays_nothing(village, battle):
    hour = BusyHour(battle(village, seed=SEED))
    under_fire(hour, KILLS)
    verdict(hour, KILLS)


@pytest.mark.timeout(900)
def test_two_workers_that_are_killed_by_turns_do_nothing_twice(either, battle):
    hour = BusyHour(battle(either, seed=SEED), slots=10, acts=20, grain=30)
    under_fire(hour, KILLS // 10, workers=2)
    verdict(hour, KILLS // 10)
