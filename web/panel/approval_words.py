"""Words of approving, deputies and offers, as people read them."""

from core.errors import N_

APPROVALS: dict[str, str] = {
    "act:bulletin.approve_first": N_("was the first of two to approve it"),
    "act:bulletin.unapprove": N_("took the approval back"),
    "act:deputy.name": N_("named a deputy"),
    "act:deputy.end": N_("ended the time of a deputy"),
    "act:unit.approval_rule": N_("set who approves what"),
    "act:unit.offer_rule": N_("set what is taken from above without asking"),
    "act:offer.send": N_("sent it to units below"),
    "act:offer.take": N_("took it from above"),
    "act:offer.decline": N_("declined it"),
    "act:offer.order": N_("put what came from above in order"),
    "act:offer.remind": N_("reminded those who have not answered"),
    "offer:waiting": N_("Waits for an answer"),
    "offer:taken": N_("Taken"),
    "offer:declined": N_("Declined"),
    "offer:in_line": N_("In line"),
    "offer:aired": N_("Has sounded"),
    "offer:withdrawn": N_("Withdrawn above"),
    "deputy:coming": N_("Begins later"),
    "deputy:now": N_("Deputy now"),
    "deputy:over": N_("Over"),
    "job:in-line": N_("Giving bulletins from above their place"),
}
APPROVAL_TONES = {
    "offer:waiting": "wait", "offer:taken": "good", "offer:declined": "calm", "offer:in_line": "good",
    "offer:aired": "good", "offer:withdrawn": "bad", "deputy:coming": "wait", "deputy:now": "good",
    "deputy:over": "calm",
}  # fmt: skip
# What approvers say most when they send something back: by code, so that a form carries no sentence.
REASONS: dict[str, str] = {
    "date": N_("The day, time or place is missing or wrong."),
    "name": N_("A name or a figure is wrong."),
    "reading": N_("It is not read aloud properly."),
    "wording": N_("It is hard to understand; please write it more plainly."),
    "length": N_("It is too long."),
    "sound": N_("The sound is poor; please record it again."),
    "when": N_("It should sound at another time or place."),
}
DECLINES: dict[str, str] = {
    "known": N_("We have told our people already."),
    "elsewhere": N_("It does not concern our place."),
    "no_time": N_("Our programme has no room for it."),
}
