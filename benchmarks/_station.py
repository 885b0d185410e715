"""A real station in a process of its own, a server on loopback, and what the station hands to its output, written down.

`python -m benchmarks._station HOME OUTPUT FILE`: `loa station run`, with a line of JSON in FILE for each first sample
of an item, and one a second for how far what sounds is from its place.
"""

import json
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

LAB = Path(__file__).parents[1] / "tests" / "station"


def lab() -> Any:
    """The tests' server and clips. Their server stands in so that nothing else uses the processor."""
    if str(LAB) not in sys.path:
        sys.path.insert(0, str(LAB))
    import station_lab

    return station_lab


def drifting(server: Any, ppm: float, began: float) -> None:
    """Let the server's clock run so much faster than this machine's: as if the station's crystal were so much slow."""
    server.clock_ahead = timedelta(seconds=3 * 3600 + (time.monotonic() - began) * ppm * 1e-6)


def main(home: str, output: str, file: str) -> None:
    from station.cards import CardOutput
    from station.identity import Home
    from station.mixing import Mixer
    from station.outputs import parse_output
    from station.runner import Station

    lines = Path(file).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115 - until the process ends
    block, zeros = Mixer.block, dict[str, float]()
    card: dict[str, float] = {"opened": 0, "frames": 0, "least": 1e9, "buffer": 0.0, "told_at": 0.0}
    opened = CardOutput._open  # noqa: SLF001

    def remembered(self: CardOutput, *arguments: Any, **options: Any) -> None:
        card.update(opened=card["opened"] + 1, frames=0, least=1e9)
        opened(self, *arguments, **options)
        card["buffer"] = self._buffer

    def tell(**what: Any) -> None:
        lines.write(json.dumps({"opened": card["opened"], "least": card["least"] + card["buffer"], **what}) + "\n")

    def noted(self: Mixer, at: float, frames: int, rate: int) -> bytes:
        """As the mixer has it. `least` is when the device played its sample 0, by the request that came quickest."""
        asked = time.monotonic()
        card["least"] = min(card["least"], asked - card["frames"] / rate)
        before = self.current()
        place = before._place if before else 0  # noqa: SLF001
        pcm = block(self, at, frames, rate)
        played = card["frames"] / rate
        voice = self.current()
        if voice is not None and voice.started is not None and voice.name not in zeros:
            zeros[voice.name] = self.pace.elapsed(voice.begins)  # as it was then: the clock's course bends later on
            tell(first=voice.name, played=played + voice.started - at, begins=voice.begins, asked=asked)
        elif voice is not None and voice is before and asked - card["told_at"] > 1:
            card["told_at"] = asked
            due = self.pace.elapsed(card["least"] + card["buffer"] + played) - zeros[voice.name]
            tell(playing=voice.name, played=played, seconds=due, off=due - place / rate)
        card["frames"] += frames
        return pcm

    CardOutput._open = remembered  # type: ignore[method-assign]  # noqa: SLF001
    Mixer.block = noted  # type: ignore[method-assign]
    station = Station(Home(Path(home)), parse_output(output))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: station.stop())
    station.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
