"""What becomes of an emergency at a station, as people read it."""

from core.errors import N_

BOARD: dict[str, str] = {
    "board:failed": N_("Could not play it"),
    "board:silent": N_("Off line"),
    "board:waiting": N_("On line, no answer yet"),
    "board:told": N_("Has read of it, has not taken it"),
    "board:acknowledged": N_("Has it, not sounding yet"),
    "board:stopped": N_("Stopped before it sounded"),
    "board:partial": N_("Sounded in part"),
    "board:sounded": N_("Sounded, more is to come"),
    "board:sounding": N_("Sounding now"),
    "board:played": N_("Played whole"),
    "job:emergency_reports": N_("Keeping reports of emergencies"),
}
BOARD_TONES = {
    "board:failed": "bad", "board:silent": "bad", "board:waiting": "wait", "board:told": "wait",
    "board:acknowledged": "wait", "board:stopped": "calm", "board:partial": "wait", "board:sounded": "good",
    "board:sounding": "live", "board:played": "good",
}  # fmt: skip
