"""Somebody speaks, now: what comes from a microphone on its way to the loudspeakers."""
