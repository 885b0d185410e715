"""The prepared messages of the demo: a few of the kinds that a commune keeps ready."""

from datetime import datetime

from sqlmodel import Session

from audio import speaking
from core.settings import Settings
from registry import units
from registry.rights import Actor
from scheduler import keys, prepared
from scheduler.prepared import Source

_MESSAGES = (
    ("flood", "Nước lũ lên nhanh", (
        "Nước sông đang lên rất nhanh. Bà con ở vùng trũng, vùng ven sông khẩn trương đưa người già, trẻ em và tài sản "
        "lên nơi cao. Không lội qua chỗ nước chảy xiết. Nghe theo hướng dẫn của cán bộ thôn."
    )),
    ("dam_release", "Hồ chứa xả lũ", (
        "Hồ chứa thủy điện sắp xả lũ. Nước hạ lưu sẽ dâng cao. Bà con không ra sông đánh bắt cá, vớt củi, và đưa "
        "thuyền bè, gia súc vào nơi an toàn."
    )),
    ("storm", "Bão sắp đổ bộ", (
        "Bão sắp vào địa bàn xã. Bà con chằng chống nhà cửa, cắt điện khi ngập nước, và ở trong nhà kiên cố cho đến "
        "khi có thông báo mới."
    )),
    ("fire", "Cháy lớn trong khu dân cư", (
        "Đang có cháy lớn trong khu dân cư. Bà con gần đám cháy rời khỏi nhà ngay, không quay lại lấy đồ, và nhường "
        "đường cho xe chữa cháy. Gọi 114 khi thấy người mắc kẹt."
    )),
    ("missing_child", "Tìm trẻ lạc", (
        "Có một cháu nhỏ đi lạc trong địa bàn xã. Ai thấy cháu, xin giữ cháu lại và báo ngay cho công an xã."
    )),
    ("all_clear", "Hết nguy hiểm", (
        "Tình huống khẩn cấp đã kết thúc. Bà con có thể trở lại sinh hoạt bình thường và vẫn chú ý nghe loa."
    )),
)  # fmt: skip


def keep_ready(session: Session, settings: Settings, actor: Actor, code: str, now: datetime) -> int:
    """Keep them at the unit with this code, under the actor's name; their audio is made after everything else."""
    unit = units.find(session, actor, code)
    for kind, title, text in _MESSAGES:
        clip = speaking.request(session, unit, text, language="vi", voice=None, created_by=actor.id, now=now)
        prepared.add(
            session, actor, unit, kind=kind, title=title, said=[Source(clip=clip.id)], valid_until=None,
            signer=keys.signer(settings), now=now,
        )  # fmt: skip
    return len(_MESSAGES)
