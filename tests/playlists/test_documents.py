"""Title and text of documents that people hand in."""

import io
import zipfile

import pytest

from core.errors import InvalidInput, TooLarge
from playlists import documents

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
ODT = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)


def packed(**parts):
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return box.getvalue()


def docx(body, styles=""):
    return packed(
        word__document_xml=f'<?xml version="1.0"?><w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        word__styles_xml=f'<w:styles xmlns:w="{W}">{styles}</w:styles>',
        word__header1_xml=f'<w:hdr xmlns:w="{W}"><w:p><w:r><w:t>ĐẦU TRANG</w:t></w:r></w:p></w:hdr>',
    )


def p(text, style=""):
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{named}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def table(*rows):
    cells = ("".join(f"<w:tc>{''.join(p(line) for line in cell.split('|'))}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def test_a_notice_of_a_commune_comes_with_its_matter_as_title_and_without_its_frame():
    letterhead = table(
        ("ỦY BAN NHÂN DÂN|XÃ PHƯỚC AN", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM|Độc lập - Tự do - Hạnh phúc")
    )
    ending = table(("Nơi nhận:|- Như trên;|- Lưu: VT.", "CHỦ TỊCH"))
    body = (
        letterhead + p("THÔNG BÁO") + p("Về việc tiêm chủng đợt 2") + p("Kính gửi bà con.") + p("Sáng 20/11.") + ending
    )
    taken = documents.take(docx(body))
    assert taken.title == "Thông báo về việc tiêm chủng đợt 2"
    assert taken.text == "THÔNG BÁO\nVề việc tiêm chủng đợt 2\nKính gửi bà con.\nSáng 20/11."
    assert taken.left_out
    assert not taken.cut


def test_tracked_changes_come_out_as_they_would_be_printed():
    body = (
        "<w:p><w:r><w:t>Họp lúc </w:t></w:r><w:del><w:r><w:delText>17</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>18</w:t></w:r></w:ins><w:moveFrom><w:r><w:t> đi xa</w:t></w:r></w:moveFrom>"
        "<w:r><w:t> giờ</w:t><w:tab/><w:t>tại đình.</w:t></w:r>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>ẩn</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    )
    assert documents.take(docx(body)).text == "Họp lúc 18 giờ tại đình."


def test_tables_are_read_row_by_row_and_lists_line_by_line():
    body = p("Lịch phun thuốc") + table(("Thôn", "Ngày"), ("Đông", "20/11"), ("Đoài|và Thượng", "21/11"))
    assert documents.take(docx(body)).text == "Lịch phun thuốc\nThôn, Ngày\nĐông, 20/11\nĐoài và Thượng, 21/11"


def test_a_table_in_a_table_stays_in_the_order_of_reading():
    inner = table(("a", "b"), ("c", "d"))
    body = f"<w:tbl><w:tr><w:tc>{p('trước')}{inner}</w:tc><w:tc>{p('sau')}</w:tc></w:tr></w:tbl>"
    assert documents.take(docx(body)).text == "trước a, b c, d, sau"


@pytest.mark.parametrize(
    ("body", "styles", "title"),
    [
        (p("Mở đầu") + p("Tên bài", "Tiu"), '<w:style w:styleId="Tiu"><w:name w:val="Title"/></w:style>', "Tên bài"),
        (p("Mở đầu") + p("Mục một", "u1"), '<w:style w:styleId="u1"><w:name w:val="heading 1"/></w:style>', "Mục một"),
        (p("GIẤY MỜI HỌP THÔN") + p("Mời bà con."), "", "Giấy mời họp thôn"),
        (p("THÔNG BÁO") + p("V/v cắt điện"), "", "Thông báo về việc cắt điện"),
        (p("Kính thưa bà con."), "", "Kính thưa bà con"),
        (p("Từ " * 80), "", "Từ " * 38 + "Từ…"),
    ],
)
def test_the_title_is_found_as_people_write_it(body, styles, title):
    assert documents.take(docx(body, styles)).title == title


def test_an_opendocument_text_is_read_too():
    content = (
        f"<office:document-content {ODT}><office:body><office:text><text:tracked-changes><text:p>bỏ</text:p>"
        '</text:tracked-changes><text:h text:outline-level="1">Lịch họp</text:h><text:p>Thôn<text:s/>Đông'
        "<text:line-break/>lúc <text:span>8 giờ</text:span><office:annotation><text:p>ghi chú</text:p>"
        "</office:annotation></text:p><text:list><text:list-item><text:p>Một</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell>"
        "<text:p>b</text:p></table:table-cell></table:table-row></table:table></office:text></office:body>"
        "</office:document-content>"
    )
    taken = documents.take(packed(mimetype="application/vnd.oasis.opendocument.text", content_xml=content))
    assert taken.title == "Lịch họp"
    assert taken.text == "Lịch họp\nThôn Đông\nlúc 8 giờ\nMột\na, b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_plain_text_is_taken_in_the_usual_encodings(encoding):
    taken = documents.take("Lịch họp\r\n\r\n Mời bà con.  ".encode(encoding))
    assert (taken.title, taken.text) == ("Lịch họp", "Lịch họp\nMời bà con.")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Word file"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"%PDF-1.7 x", "PDF"),
        (b"\x00\x01\x02\x03binary", "can't be read"),
        (b"PK\x03\x04 torn", "can't be read"),
        (packed(other_xml="<x/>"), "can't be read"),
        (docx(""), "no text"),
        (docx("<w:p><w:r>"), "damaged"),
        (b"", "no text"),
        (packed(word__document_xml='<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>'), "damaged"),
        (
            packed(word__document_xml=f'<!DOCTYPE a SYSTEM "file:///etc/passwd"><w:p xmlns:w="{W}"/>'), "damaged",
        ),
        (docx("<w:p>" * 300 + "</w:p>" * 300), "too long"),
        (docx('<w:p><w:r><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr><w:t>Th«ng b¸o</w:t></w:r></w:p>'), "old font"),
    ],
)  # fmt: skip
def test_what_can_not_be_taken_is_refused_with_a_way_out(document, says):
    with pytest.raises(InvalidInput) as refused:
        documents.take(document)
    assert says in str(refused.value)
    assert "word" in refused.value.fields


def test_a_bomb_is_unpacked_no_further_than_the_bound():
    bomb = docx(p("a" * (documents.MOST_UNPACKED + 10)))
    assert len(bomb) < documents.MOST_BYTES
    with pytest.raises(InvalidInput, match="too long"):
        documents.take(bomb)
    with pytest.raises(TooLarge):
        documents.take(bytes(documents.MOST_BYTES + 1))


def test_more_text_than_a_form_can_hold_is_cut_and_told():
    taken = documents.take(("mưa gió " * 40_000).encode())
    assert taken.cut
    assert len(taken.text) == documents.MOST_CHARS
