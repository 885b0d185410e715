"""Approving what somebody has before them: one way for the queue and for the bulletin's own page."""

from core.errors import N_
from playlists import approval_rules, bulletins, seals
from scheduler import bulletin_air
from web.access import actor
from web.app import house


def approve(identity: str, seal: str | None) -> str:
    """Approve the version that was shown and carry out what was wished for it; returns the sentence to say.

    `seal` None: whoever asks says nothing of what they saw. Twice is as good as once. Raises what
    `playlists.bulletins.approve` raises, Conflict for another seal.
    """
    here = house()
    with here.database.write() as writing:
        _, _, version = bulletins.find(writing, actor(), identity)
        given = approval_rules.given(writing, version.id)
        if any(each.person_id == actor().id for each in given) and seals.of(writing, version) == seal:
            return N_("Approved already.")
        version = bulletins.approve(writing, actor(), identity, here.clock(), expected=seal)
        if version.state != "approved":
            return N_("Noted. A second person has to approve it now.")
        if any(each.problem for each in bulletin_air.carry_out(writing, actor(), identity, here.clock())):
            return N_("Approved. When and where it sounds could not be arranged: see the bulletin's page.")
    return N_("Approved. From now on it may sound.")
