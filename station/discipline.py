"""How measurements steer the station's clock. Pure: readings and instants in, a new state out.

Two lines run over the host's monotonic clock. The *belief* is the best estimate of the true time and of the crystal's
error: a Kalman filter of phase and frequency, in which a measurement weighs by its way there and back, for the time it
tells can be wrong by half of that and not by more. The *course* is what the station shows and plays by. It bends
towards the belief by at most `SLEW`, so that it never stands still nor jumps; it steps only at the first
measurement, and when it is `STEP_SECONDS` off.

A measurement that contradicts what is known, beyond its own uncertainty, is asked again before it is believed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

SLEW = 500e-6
STEP_SECONDS = 0.5
MAX_FREQUENCY = 500e-6
CRYSTAL = 50e-6  # the frequency error, as a standard deviation, of a crystal that nothing is known of
_UNKNOWN = 1e18  # the variance (s²) of a time that nothing is known of
_STAMP_SECONDS = 0.001  # the server's stamps carry milliseconds
_WANDER_PER_SECOND = 2e-6**2 / 3600  # a crystal warms and cools: 2 ppm in an hour, as a variance that grows with time
_SIGMAS = 4.0
_SURPRISE_SECONDS = 0.005
_AFTER_A_REBOOT = 5e-6  # a crystal that was cold is not quite the one it was
_TOLERATED_SECONDS = 0.005  # how far the clock may stray, as far as one can tell, until it is measured again
_SHORTEST, _LONGEST = 120.0, 1800.0
_ASK_AGAIN_SECONDS = 10.0
_AGREEING_WITHIN = 900.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """`offset` is the server's time less this host's `reading`, `round_trip` the time on the way; in seconds.

    The offset is right within half the round trip.
    """

    offset: float
    round_trip: float
    reading: float = 0.0

    @property
    def bound(self) -> float:
        return self.round_trip / 2 + _STAMP_SECONDS


def four_stamp(sent: float, received_there: float, sent_there: float, received: float) -> Measurement:
    """Offset and round trip from the four instants of one exchange, in seconds (RFC 5905, section 8)."""
    offset = ((received_there - sent) + (sent_there - received)) / 2
    round_trip = max(0.0, (received - sent) - (sent_there - received_there))
    return Measurement(offset, round_trip, (sent + received) / 2)


def best_of(exchanges: Sequence[Measurement]) -> Measurement:
    """What several exchanges, one after another, prove together; at least one.

    Each proves that the offset lies within half its round trip. What they have in common is made by the quickest way
    there and the quickest way back, though they belong to different exchanges (Marzullo and Owicki, 1985); where they
    have nothing in common, a clock was moved meanwhile, and the exchange with the shortest way is all there is.
    """
    quickest = min(exchanges, key=lambda one: one.round_trip)
    lower = max(one.offset - one.round_trip / 2 for one in exchanges)
    upper = min(one.offset + one.round_trip / 2 for one in exchanges)
    if lower > upper:
        return quickest
    last = max(one.reading for one in exchanges)
    drifted = CRYSTAL * (last - min(one.reading for one in exchanges))
    return Measurement((lower + upper) / 2, upper - lower + 2 * drifted, last)


@dataclass(frozen=True, slots=True)
class Course:
    """The time shown: `shown` at `reading`, then on by `frequency`, with `to_slew` seconds still to be made up."""

    reading: float
    shown: float
    frequency: float = 0.0
    to_slew: float = 0.0

    def at(self, reading: float) -> float:
        """The time shown at a reading, in seconds since 1970; before its beginning, as if nothing had been slewed."""
        elapsed = reading - self.reading
        return self.shown + elapsed * (1.0 + self.frequency) + (self.to_slew - self.left_at(reading))

    def left_at(self, reading: float) -> float:
        """How much is still to be made up at a reading."""
        done = min(abs(self.to_slew), SLEW * max(0.0, reading - self.reading))
        return self.to_slew - math.copysign(done, self.to_slew)

    def reading_at(self, time: float) -> float:
        """The reading at which it shows `time`: the inverse of `at`."""
        ahead = time - self.shown
        pace = 1.0 + self.frequency
        slewing = pace + math.copysign(SLEW, self.to_slew)
        until = abs(self.to_slew) / SLEW
        if ahead <= 0.0:
            return self.reading + ahead / pace
        if ahead <= until * slewing:
            return self.reading + ahead / slewing
        return self.reading + (ahead - self.to_slew) / pace


@dataclass(frozen=True, slots=True)
class Belief:
    """The estimate at `reading`: the true time, the frequency, and the covariance of their errors (s², s, 1)."""

    reading: float
    true: float
    frequency: float = 0.0
    phase_variance: float = _UNKNOWN
    shared_variance: float = 0.0
    frequency_variance: float = CRYSTAL**2

    @property
    def is_known(self) -> bool:
        return self.phase_variance < _UNKNOWN / 2

    def at(self, reading: float) -> "Belief":
        """The same belief carried to another reading, grown less certain on the way."""
        elapsed = reading - self.reading
        wander = _WANDER_PER_SECOND * abs(elapsed)
        return Belief(
            reading,
            self.true + elapsed * (1.0 + self.frequency),
            self.frequency,
            self.phase_variance
            + elapsed * (2 * self.shared_variance + elapsed * self.frequency_variance)
            + wander * elapsed**2 / 3,
            self.shared_variance + elapsed * self.frequency_variance + wander * elapsed / 2,
            self.frequency_variance + wander,
        )

    def told(self, surprise: float, bound: float) -> "Belief":
        """After a measurement that lies `surprise` ahead of it, right within `bound`."""
        total = self.phase_variance + bound**2
        phase_gain, frequency_gain = self.phase_variance / total, self.shared_variance / total
        moved = max(surprise - bound, min(surprise + bound, phase_gain * surprise))
        frequency = self.frequency + frequency_gain * surprise
        return replace(
            self,
            true=self.true + moved,
            frequency=max(-MAX_FREQUENCY, min(MAX_FREQUENCY, frequency)),
            phase_variance=self.phase_variance * bound**2 / total,
            shared_variance=self.shared_variance * bound**2 / total,
            frequency_variance=max(1e-16, self.frequency_variance - frequency_gain * self.shared_variance),
        )


@dataclass(frozen=True, slots=True)
class Discipline:
    """The whole state: what is shown, what is believed, how far it has stepped in all (s), and what is doubted."""

    course: Course
    belief: Belief
    stepped: float = 0.0
    suspect: Measurement | None = None

    def after(self, measurement: Measurement, reading: float) -> "Discipline":
        """The state once a measurement has been taken in, at a reading not before the measurement's own."""
        then = self.belief.at(measurement.reading)
        surprise = measurement.reading + measurement.offset - then.true
        doubtful = _SIGMAS * math.sqrt(then.phase_variance) + measurement.bound + _SURPRISE_SECONDS
        if self.belief.is_known and abs(surprise) > doubtful:
            if not self._is_confirmed(measurement):
                return replace(self, suspect=measurement)
            variance = max(then.frequency_variance, CRYSTAL**2)
            then = Belief(then.reading, then.true, then.frequency, _UNKNOWN, 0.0, variance)
        return self._turned_to(then.told(surprise, measurement.bound).at(reading), first=not self.belief.is_known)

    def stepped_by(self, seconds: float, reading: float) -> "Discipline":
        """The state with the clock moved at once."""
        course = Course(reading, self.course.at(reading) + seconds, self.course.frequency)
        belief = replace(self.belief, true=self.belief.true + seconds)
        return Discipline(course, belief, self.stepped + seconds)

    def wait_seconds(self) -> float:
        """How long until the clock should be measured again: the better its frequency is known, the longer."""
        if self.suspect is not None:
            return _ASK_AGAIN_SECONDS
        return min(_LONGEST, max(_SHORTEST, _TOLERATED_SECONDS / math.sqrt(self.belief.frequency_variance)))

    def _is_confirmed(self, measurement: Measurement) -> bool:
        """Whether it says the same as the one before it that was doubted."""
        other = self.suspect
        if other is None or measurement.reading - other.reading > _AGREEING_WITHIN:
            return False
        drifted = MAX_FREQUENCY * (measurement.reading - other.reading)
        return abs(measurement.offset - other.offset) <= measurement.bound + other.bound + drifted + _SURPRISE_SECONDS

    def _turned_to(self, belief: Belief, *, first: bool) -> "Discipline":
        shown = self.course.at(belief.reading)
        off = belief.true - shown
        if first or abs(off) >= STEP_SECONDS:
            return Discipline(Course(belief.reading, belief.true, belief.frequency), belief, self.stepped + off)
        return Discipline(Course(belief.reading, shown, belief.frequency, off), belief, self.stepped)


def resumed(reading: float, shown: float, frequency: float, spread: Sequence[float], away: float) -> Discipline:
    """The state after a restart within the same boot, `away` seconds after the covariance `spread` was kept."""
    phase, shared, of_frequency = spread
    then = Belief(reading - away, shown, frequency, phase, shared, of_frequency).at(reading)
    return Discipline(Course(reading, shown, frequency), replace(then, true=shown))


def rebooted(reading: float, shown: float, frequency: float, spread: Sequence[float] | None) -> Discipline:
    """The state after a reboot: the time is a guess, but the crystal is the one that it was."""
    variance = spread[2] + _AFTER_A_REBOOT**2 if spread else CRYSTAL**2
    return Discipline(Course(reading, shown, frequency), Belief(reading, shown, frequency, frequency_variance=variance))
