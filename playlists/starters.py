"""Templates that come with the program: notices that every commune reads out sooner or later, with blanks.

The texts are content, so they are Vietnamese whatever the language of the pages; their names are catalogue keys.
Written to be heard: short sentences, the time and the place said early, an end that says what to do.
"""

from dataclasses import dataclass

from core.errors import N_


@dataclass(frozen=True)
class Starter:
    code: str
    name: str
    title: str
    text: str
    field: str
    priority: str = "ordinary"


STARTERS: tuple[Starter, ...] = (
    Starter(
        "vaccination",
        N_("Vaccination"),
        "Thông báo lịch tiêm chủng [tháng]",
        "Kính thưa bà con!\n"
        "Trạm y tế [xã] thông báo lịch tiêm [tên vắc xin] cho [đối tượng].\n"
        "Thời gian: từ [giờ bắt đầu] đến [giờ kết thúc], [thứ], ngày [ngày].\n"
        "Địa điểm: [địa điểm].\n"
        "Khi đi, bà con mang theo sổ tiêm chủng và thẻ bảo hiểm y tế. Trẻ đang sốt hoặc đang ốm thì chờ khỏi rồi tiêm "
        "bù vào đợt sau.\n"
        "Cần hỏi thêm, bà con gọi trạm y tế theo số [số điện thoại].\n"
        "Đề nghị bà con đưa con em đi tiêm đầy đủ, đúng lịch.",
        "health",
    ),
    Starter(
        "meeting",
        N_("Meeting"),
        "Mời họp [tên cuộc họp]",
        "Kính thưa bà con!\n"
        "[Đơn vị mời] trân trọng kính mời [thành phần] đến dự [tên cuộc họp].\n"
        "Thời gian: [giờ], [thứ], ngày [ngày].\n"
        "Địa điểm: [địa điểm].\n"
        "Nội dung: [nội dung].\n"
        "Cuộc họp bàn việc chung của thôn, xóm, mong mỗi gia đình cử một người đến dự đầy đủ và đúng giờ.\n"
        "Xin trân trọng cảm ơn!",
        "general",
    ),
    Starter(
        "storm",
        N_("Storm"),
        "Chủ động ứng phó với [bão số mấy]",
        "Kính thưa bà con!\n"
        "Theo tin của cơ quan khí tượng thủy văn, [bão số mấy] dự kiến ảnh hưởng đến địa bàn xã ta từ [giờ], ngày "
        "[ngày], có gió mạnh cấp [cấp gió] và mưa to.\n"
        "Ủy ban nhân dân xã đề nghị bà con:\n"
        "Chằng chống nhà cửa, chuồng trại, biển quảng cáo; chặt tỉa cành cây gần nhà và gần đường dây điện.\n"
        "Đưa tàu thuyền, gia súc, lương thực và tài sản đến nơi an toàn. Chuẩn bị đèn pin, nước sạch, thuốc và thức ăn "
        "đủ dùng trong ba ngày.\n"
        "Các hộ ở vùng trũng, ven sông, ven biển và chân đồi sẵn sàng sơ tán đến [nơi sơ tán] khi có lệnh.\n"
        "Không ra khơi, không đi qua ngầm tràn, không vớt củi trên sông, suối.\n"
        "Khi cần giúp đỡ, bà con gọi ngay số [số điện thoại].",
        "disaster",
        "priority",
    ),
    Starter(
        "power-cut",
        N_("Power cut"),
        "Thông báo ngừng cung cấp điện ngày [ngày]",
        "Kính thưa bà con!\n"
        "[Đơn vị điện lực] thông báo tạm ngừng cung cấp điện để [lý do].\n"
        "Thời gian: từ [giờ bắt đầu] đến [giờ kết thúc], [thứ], ngày [ngày].\n"
        "Khu vực mất điện: [khu vực].\n"
        "Trong thời gian này điện có thể có lại bất cứ lúc nào, vì vậy bà con tuyệt đối không sửa chữa, không đấu nối "
        "đường dây.\n"
        "Bà con chủ động sắp xếp sản xuất, sinh hoạt. Cần hỏi thêm, bà con gọi số [số điện thoại].\n"
        "Rất mong bà con thông cảm.",
        "general",
    ),
    Starter(
        "water-cut",
        N_("Water cut"),
        "Thông báo tạm ngừng cấp nước ngày [ngày]",
        "Kính thưa bà con!\n"
        "[Đơn vị cấp nước] thông báo tạm ngừng cấp nước sạch để [lý do].\n"
        "Thời gian: từ [giờ bắt đầu] đến [giờ kết thúc], ngày [ngày].\n"
        "Khu vực ngừng cấp nước: [khu vực].\n"
        "Bà con chủ động trữ nước đủ dùng. Khi có nước trở lại, nước có thể đục trong ít phút đầu, bà con xả bỏ cho "
        "đến khi nước trong rồi mới dùng.\n"
        "Cần hỏi thêm, bà con gọi số [số điện thoại].",
        "general",
    ),
    Starter(
        "tax",
        N_("Tax"),
        "Thông báo nộp thuế [loại thuế] năm [năm]",
        "Kính thưa bà con!\n"
        "[Cơ quan thuế] và Ủy ban nhân dân xã thông báo việc nộp thuế [loại thuế] năm [năm].\n"
        "Đối tượng: [đối tượng].\n"
        "Hạn nộp: chậm nhất là ngày [hạn nộp].\n"
        "Nơi nộp: [nơi nộp], trong giờ hành chính; hoặc nộp trên điện thoại bằng ứng dụng của ngành thuế.\n"
        "Khi đi, bà con mang theo giấy báo thuế và căn cước công dân.\n"
        "Cán bộ thuế không gọi điện yêu cầu chuyển tiền và không gửi đường dẫn lạ. Gặp trường hợp như vậy, bà con báo "
        "ngay cho công an xã.\n"
        "Đề nghị bà con nộp thuế đầy đủ, đúng hạn.",
        "economy",
    ),
    Starter(
        "army",
        N_("Army call-up"),
        "Thông báo khám sức khỏe nghĩa vụ quân sự năm [năm]",
        "Kính thưa bà con!\n"
        "Hội đồng nghĩa vụ quân sự xã thông báo việc khám sức khỏe thực hiện nghĩa vụ quân sự năm [năm].\n"
        "Đối tượng: công dân nam đã nhận được lệnh gọi khám của Ban chỉ huy quân sự.\n"
        "Thời gian: từ [giờ], ngày [ngày bắt đầu] đến hết ngày [ngày kết thúc], theo giờ ghi trong lệnh gọi.\n"
        "Địa điểm: [địa điểm].\n"
        "Khi đi, công dân mang theo lệnh gọi khám, căn cước công dân và các giấy tờ về sức khỏe nếu có. Không uống "
        "rượu, bia trước khi khám.\n"
        "Người có lý do chính đáng không đến được phải báo với Ban chỉ huy quân sự xã theo số [số điện thoại].\n"
        "Bảo vệ Tổ quốc là nghĩa vụ thiêng liêng và quyền cao quý của công dân. Đề nghị các gia đình nhắc con em chấp "
        "hành nghiêm lệnh gọi.",
        "security",
    ),
    Starter(
        "farming-pest",
        N_("Pest in the fields"),
        "Phòng trừ [loại sâu bệnh] trên [cây trồng]",
        "Kính thưa bà con nông dân!\n"
        "Qua kiểm tra đồng ruộng, cán bộ khuyến nông xã phát hiện [loại sâu bệnh] đang gây hại trên [cây trồng] tại "
        "[khu vực], mật độ [mật độ].\n"
        "Đề nghị bà con thăm đồng ngay từ hôm nay. Nơi nào có sâu bệnh đến ngưỡng thì phun trừ trong khoảng từ ngày "
        "[ngày bắt đầu] đến ngày [ngày kết thúc], vào buổi sáng sớm hoặc chiều mát.\n"
        "Thuốc nên dùng: [tên thuốc], pha và phun theo hướng dẫn ghi trên bao bì. Khi phun phải đeo khẩu trang, găng "
        "tay, đi ủng; phun xong thu gom vỏ bao thuốc về bể chứa.\n"
        "Sau ba đến năm ngày, bà con kiểm tra lại ruộng. Nếu gặp mưa ngay sau khi phun thì phun lại.\n"
        "Cần hỏi thêm, bà con gọi cán bộ khuyến nông theo số [số điện thoại].",
        "agriculture",
    ),
)
