# ruff: noqa: E501 - each phrase on its line
"""Phrases about times, Vietnamese and English, without accents; of those that fit at a place the first holds."""

import re
from collections.abc import Callable

from web.panel import when_acts as acts
from web.panel.when_acts import State
from web.panel.when_vocabulary import MONTHS, NTH, WEEKDAYS

_NUMBER = r"(\d{1,3}|mot|hai|ba|bon|nam|sau|bay|tam|chin|muoi|one|two|three|four|five|six|seven|eight|nine|ten|other)"
_DAY = "|".join(sorted(map(re.escape, WEEKDAYS), key=len, reverse=True))
_NTHS = "|".join(sorted(NTH, key=len, reverse=True))
_MONTH = "|".join(month[:3] + f"(?:{month[3:]})?" if month[3:] else month for month in MONTHS)
_HALVES = "sang|trua|chieu|toi|dem|morning|afternoon|evening|night"
PHRASES: tuple[tuple[re.Pattern[str], Callable[[State, re.Match[str]], bool | None]], ...] = tuple(
    (re.compile(pattern), act)
    for pattern, act in (
        (r"(?:som nhat(?: co the)?|ngay bay gio|ngay lap tuc|phat ngay|cang som cang tot|bay gio|as soon as (?:possible|can be)|right now|now|asap)\b", acts.soon),
        (r"(?:ngay )?(?:mai|tomorrow)\b", acts.away(1)),
        (r"(?:ngay )?(?:mot|kia)(?= (?:luc|hoi|\d)|$)|day after tomorrow\b", acts.away(2)),
        (r"(?:hom nay|toi nay|chieu nay|today|tonight)\b", acts.away(0)),
        (r"(?:the )?(?:15th lunar day|full moon)\b", acts.full_moon),
        (r"(?:mung|mong) (?P<n>mot|\d{1,2})\b(?!:| gio)(?:[/ ](?:thang )?(?P<month>1[0-2]|[1-9])\b(?!:| gio))?(?: hang thang| moi thang)?(?: am lich)?", acts.lunar),
        (r"(?:ngay )?ram\b(?: hang thang| moi thang)?(?: am lich)?", acts.full_moon),
        (r"(?P<n>\d{1,2})(?:[/ ](?:thang )?(?P<month>1[0-2]|[1-9]))?(?: hang thang)? am lich(?: hang thang| moi thang)?\b", acts.lunar),
        (r"(?P<n>\d{1,2})/(?P<month>1[0-2]|[1-9]) am\b", acts.lunar),
        (r"lunar (?:day )?(?P<n>\d{1,2})(?:/(?P<month>1[0-2]|[1-9]))?\b", acts.lunar),
        (r"(?:ngay )?(?:am lich|lunar days)\b", acts.lunar_days),
        (rf"(?:(?:the )?(?P<nth>{_NTHS}) (?P<day>{_DAY})s?\b)(?: (?:of )?(?:the |each |every )?(?:month|thang|hang thang))?", acts.nth),
        (rf"(?P<day>{_DAY}) (?P<nth>dau tien|dau|cuoi cung|cuoi|thu nhat)\b(?: (?:cua |trong |moi |hang )*thang)?", acts.nth),
        (r"(?:ngay )?(?:cuoi thang|cuoi cung cua thang)\b|(?:the )?last day(?: of (?:the|each|every) month)?\b", acts.last_day),
        (r"(?:ngay )?(?P<days>\d{1,2}(?:(?:,| va)? ?(?:ngay )?\d{1,2}\b(?!:|h|/| gio))*) (?:hang|moi|hang) thang\b", acts.month_day),
        (r"(?:hang thang|moi thang),?(?: vao)? ngay (?P<days>\d{1,2}(?:(?:,| va) ?(?:ngay )?\d{1,2}\b(?!:|h|/| gio))*)\b", acts.month_day),
        (r"(?:on )?(?:the )?(?P<days>\d{1,2})(?:st|nd|rd|th) (?:of )?(?:every|each|the) month\b", acts.month_day),
        (rf"(?:moi|cu|every) {_NUMBER.replace('(', '(?P<n>', 1)} (?P<unit>ngay|tuan|days?|weeks?)(?: (?:mot|1) lan)?\b", acts.every_n),
        (rf"{_NUMBER.replace('(', '(?P<n>', 1)} (?P<unit>ngay|tuan) (?:mot|1) lan\b", acts.every_n),
        (r"cach (?P<unit>ngay|nhat)\b(?P<n>(?!))?", acts.every_second),
        (r"every other (?P<unit>day|week)\b", acts.every_other),
        (r"(?:cac |moi )?(?:ngay thuong|ngay lam viec|ngay hanh chinh|(?:every )?(?:weekdays?|working days?))\b", acts.working),
        (r"(?:cuoi tuan|ngay nghi cuoi tuan|weekends?)\b", acts.weekend),
        (r"(?:ngay )?(?:nghi le|le tet|le|tet|(?:public )?holidays?)\b(?:, tet)?", acts.holidays),
        (r"(?:tu )?thu (?P<a>[2-7]) ?(?:-|–|den) ?(?P<b>[2-7])\b(?!:|h| gio|/|-|,)", acts.numbered_range),
        (rf"(?:tu |from )?(?P<first>{_DAY}) ?(?:den(?: het)?|-|–|to|through|until)\s?(?P<last>{_DAY})\b", acts.span),
        (rf"(?P<day>{_DAY}) (?P<which>tuan nay|tuan sau|nay)\b|(?P<nothing>(?!))", acts.next_week_day),
        (rf"(?P<which>next|this) (?P<day>{_DAY})\b", acts.next_week_day),
        (r"(?:cac )?(?:thu|t) ?[2-7](?:(?: ?,| ?va| ?-)? ?(?:thu |t)?[2-7]\b(?!\d|:|h| gio|/))+", acts.list_of_days),
        (rf"(?P<each>moi |hang |cac |every |each |on )?(?P<day>{_DAY})(?P<plural>s|hang tuan| hang tuan| moi tuan)?\b(?!\d*(?::|h\d))", acts.day),
        (r"(?:hang|moi|cac|tat ca cac|every|each) ?(?P<unit>ngay|tuan|thang|day|week|month)\b(?: trong tuan)?", acts.every),
        (r"(?P<unit>ngay) nao cung\b", acts.every),
        (r"(?P<unit>daily|weekly|monthly)\b", acts.every),
        (r"(?:suot |in |for |keo dai |trong (?:vong )?)" + _NUMBER.replace("(", "(?P<n>", 1) + r" (?P<unit>ngay|tuan|days?|weeks?)(?: lien| lien tiep| in a row)?\b", acts.for_days),
        (_NUMBER.replace("(", "(?P<n>", 1) + r" (?:lan|times|buoi)\b", acts.count),
        (r"(?:den |cho den |until |till )?(?:het|cuoi|the end of|end of) (?:the )?(?P<unit>tuan|thang|nam|week|month|year)(?: (?P<month>1[0-2]|0?[1-9])\b| nay)?", acts.end_of),
        (rf"(?:until |till )?(?:the )?end of (?P<name>{_MONTH})\b(?P<unit>(?!))?(?P<month>(?!))?", acts.end_of),
        (rf"(?P<hour>\d{{1,2}})(?:(?::|g|h| ?gio ?(?=\d)| h )(?P<minute>[0-5]\d)(?:\b|(?=[a-z]))(?: ?phut)?|(?:h| ?gio|g)(?: (?P<half>ruoi)| kem (?P<before>[0-5]?\d)(?: phut)?| (?P<after>[0-5]\d)(?: phut)?)?|(?=:?\d* ?(?:am|pm|a\.m|p\.m)\b)| (?=(?:in the )?(?:{_HALVES})))(?: ?(?P<ampm>am|pm|a\.m\.?|p\.m\.?))?(?: ?(?:in the |buoi |vao )?(?P<part>{_HALVES})\b)?(?: ?(?:dung|o'clock))?", acts.clock),
        (r"(?P<day>\d{1,2})(?:/|-)(?P<month>\d{1,2})(?:(?:/|-)(?P<year>\d{4}|\d{2}))?\b", acts.day_named),
        (r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b", acts.day_named),
        (r"(?:ngay )?(?P<day>\d{1,2}) thang (?P<month>\d{1,2})(?:,? (?:nam )?(?P<year>\d{4}))?\b", acts.day_named),
        (rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<name>{_MONTH})\b(?:,? (?P<year>\d{{4}}))?", acts.day_named),
        (rf"(?P<name>{_MONTH}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>\d{{4}}))?", acts.day_named),
        (r"(?:tru(?: ra)?|ngoai tru|khong phat(?: vao)?|khong ke|except(?: for)?|but not|not|without|bo qua|nghi)\b", acts.mode("except")),
        (r"(?:cho den|den|until|till|through|up to|to(?= (?:the )?(?:\d|[a-z]{3,9} \d)))(?: het)?(?: ngay)?\b(?! (?:nay|nhat))", acts.mode("until")),
        (r"(?:ke tu|bat dau tu|tu|from|starting|since|bat dau)(?: ngay)?\b", acts.mode("from")),
        (r"(?:chi|only)\b", acts.mode("")),
        (rf"(?:buoi )?({_HALVES})\b", acts.half),
    )
)  # fmt: skip
