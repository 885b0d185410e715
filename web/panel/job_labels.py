"""Words for what the worker does that the other tables of words have not."""

from core.errors import N_

JOBS = {
    "job:heard": N_("Counting what was heard where"),
    "job:live": N_("Keeping live talks"),
    "job:months": N_("Adding up the months for the reports"),
    "job:relays": N_("Looking whether relayed broadcasts can be reached"),
    "job:rescue": N_("Raising emergencies whose audio is late"),
}
