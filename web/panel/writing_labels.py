"""What happens around the writing of a bulletin, as the log tells it."""

from core.errors import N_

WRITING: dict[str, str] = {
    "act:bulletin.respeak": N_("had a draft spoken anew"),
    "act:template.create": N_("made a template"),
    "act:template.change": N_("changed a template"),
    "act:template.delete": N_("deleted a template"),
    "act:template.restore": N_("brought a template back"),
}
