"""What becomes of clips, dictionaries and voices when two units become one (`registry.merging`)."""

from collections.abc import Mapping

from sqlmodel import Session, col

from audio.models import Clip, Pronunciation, VoiceChoice
from registry.merging import Merger, go_over, join

RULES: Mapping[str, str] = {
    "clip.unit_id": "moves", "pronunciation.unit_id": "joined", "voice_choice.unit_id": "joined",
}  # fmt: skip


def carry(session: Session, merger: Merger) -> None:
    """Carry over what this floor has. Where both say a word differently, the other unit's way holds."""
    go_over(session, merger, col(Clip.unit_id), "clips")
    join(session, merger, Pronunciation, "words", lambda row: row.written, lambda row: (row.written, row.spoken))
    join(session, merger, VoiceChoice, "voices", lambda row: row.language, _said)


def _said(row: VoiceChoice) -> tuple[str, str]:
    return row.language, f"{', '.join(row.voices)} ×{row.speed:g}"
