"""What feedback can be about, in words for citizens and for those who answer."""

from core.errors import N_

KINDS = {
    "noise": N_("The loudspeaker is too loud, or sounds at a bad time"),
    "not_heard": N_("A loudspeaker is not heard, or badly"),
    "content": N_("Something that was said is wrong or missing"),
    "other": N_("Something else"),
}
