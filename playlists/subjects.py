"""The fields of bulletins: the ten that come with an installation, and looking them up."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from core.errors import N_, InvalidInput
from playlists.models import Subject

FIRST = (
    ("general", "Tin tổng hợp", "General"),
    ("policy", "Chủ trương, chính sách", "Policy"),
    ("health", "Y tế", "Health"),
    ("agriculture", "Nông nghiệp", "Agriculture"),
    ("disaster", "Phòng chống thiên tai", "Disaster"),
    ("security", "An ninh trật tự", "Security"),
    ("education", "Giáo dục", "Education"),
    ("culture", "Văn hóa, thể thao", "Culture"),
    ("economy", "Kinh tế", "Economy"),
    ("environment", "Môi trường", "Environment"),
)


def install(session: Session) -> None:
    """Add the first fields where they are missing; what was renamed since stays."""
    for position, (code, vietnamese, english) in enumerate(FIRST):
        if session.get(Subject, code) is None:
            session.add(Subject(code=code, name_vi=vietnamese, name_en=english, position=position))


def every(session: Session) -> Sequence[Subject]:
    return session.exec(select(Subject).order_by(col(Subject.position), col(Subject.code))).all()


def known(session: Session, code: str) -> str:
    """`code` itself when there is such a field. Raises InvalidInput."""
    if session.get(Subject, code) is None:
        raise InvalidInput(N_("There is no field “%(field)s”."), fields={"field": "unknown"}, field=code[:40])
    return code
