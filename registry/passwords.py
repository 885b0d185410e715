"""What a password needs: length, and that nobody tries it first. No rules of composition, and it never runs out.

After NIST SP 800-63B, 5.1.1.2: a minimum length, a comparison with what is commonly chosen, expected or known, and
nothing else. What people are known to choose here is kept as words; digits and signs around them, letters written as
digits, and a word said twice don't make them rarer.
"""

import re
import unicodedata
from itertools import pairwise

from core.errors import N_, InvalidInput

MIN = 10
MAX = 200
_SHORT_NAME = 4  # a sign-in name of three letters occurs in many a good sentence
_FEW = 4
_LONGEST_BLOCK = 5
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")
_AS_LETTERS = str.maketrans("013457@$!", "oieastasi")
_TELEPHONE = re.compile(r"(?:84|0)[2-9]\d{8,9}")
_COMMON = frozenset(
    """
    password passwort pass passwd admin administrator root user guest login default letmein welcome hello iloveyou
    loveyou love monkey dragon master sunshine princess football superman batman shadow freedom whatever trustno
    qwerty azerty test testing demo temp changeme secret access server system internet computer samsung iphone google
    facebook zalo viettel vinaphone mobifone vietnam saigon hanoi danang hochiminh hcm family forever money lucky
    matkhau matkhaumoi matkhaucu dangnhap taikhoan quantri quantrivien nguoidung macdinh xinchao chao chaoban toi toiday
    anhyeuem emyeuanh yeuem yeuanh yeunhau yeuemnhieu emyeu anhyeu tinhyeu nhoem nhoanh mottinhyeu concho conmeo conheo
    giadinh bome bame mebo chame conyeu vochong hanhphuc mayman phattai thanhcong khongbiet khongco khongnho quenroi
    vietnamvodich tuhao dongnai hanam namdinh thaibinh nghean hatinh quangnam quangngai binhdinh camau cantho haiphong
    bacninh bacgiang thainguyen langson caobang sonla dienbien laocai yenbai phutho hoabinh thanhhoa quangbinh quangtri
    hue thuathienhue khanhhoa ninhthuan lamdong daklak gialai kontum longan tiengiang bentre travinh vinhlong dongthap
    angiang kiengiang haugiang soctrang baclieu vungtau binhduong binhphuoc tayninh
    loalang loa loaphuong loaxa truyenthanh daitruyenthanh phatthanh daiphatthanh truyenthanhxa thongtin tuyentruyen
    vanhoa vanhoaxa ubnd ubndxa uybannhandan chinhquyen xa phuong thon huyen tinh canbo bantin
    """.split()  # noqa: SIM905 - a list of words reads best as words
)


def check(password: str, username: str) -> None:
    """Return if it will do. Raises InvalidInput (field `new`) with what is missing."""
    if len(password) < MIN:
        raise InvalidInput(
            N_("The new password needs at least %(least)s characters."), fields={"new": "short"}, least=MIN
        )
    if len(password) > MAX:
        raise InvalidInput(N_("The new password has more than %(most)s characters."), fields={"new": "long"}, most=MAX)
    plain = _plain(password)
    name = _plain(username)
    if plain == name or (len(name) >= _SHORT_NAME and name in plain):
        raise InvalidInput(N_("The new password contains the sign-in name."), fields={"new": "name"})
    if _is_common(plain) or _is_a_pattern(plain):
        raise InvalidInput(
            N_("Many people choose a password like this one. Take a few words that don't belong together."),
            fields={"new": "common"},
        )


def _plain(text: str) -> str:
    """Small letters without accents and digits, nothing else."""
    bare = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return "".join(each for each in bare if each.isalnum() or each in "@$!")


def _is_common(plain: str) -> bool:
    if _TELEPHONE.fullmatch(plain):
        return True
    for text in (plain, plain.translate(_AS_LETTERS)):
        core = text.strip("0123456789@$!")
        if core.translate(_AS_LETTERS) in _COMMON or _made_of_two(core):
            return True
    return False


def _made_of_two(core: str) -> bool:
    return any(core[:cut] in _COMMON and core[cut:] in _COMMON for cut in range(1, len(core)))


def _is_a_pattern(plain: str) -> bool:
    """Whether it is one short piece again and again, or hardly more than runs along the keyboard or the alphabet."""
    for size in range(1, _LONGEST_BLOCK + 1):
        if len(plain) >= 2 * size and all(plain[at] == plain[at - size] for at in range(size, len(plain))):
            return True
    neighbours = {pair for row in _ROWS for pair in pairwise(row)}
    turns = sum(not (a == b or (a, b) in neighbours or (b, a) in neighbours) for a, b in pairwise(plain))
    return turns < _FEW and len(plain) > _FEW * 2
