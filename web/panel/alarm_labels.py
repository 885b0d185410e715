"""Words for emergencies, their confirming, and what people did about them."""

from core.errors import N_

ALARMS = {
    "signal:siren": N_("Siren"),
    "signal:chime": N_("Chime"),
    "signal:none": N_("No signal"),
    "severity:extreme": N_("Extreme: danger to life now"),
    "severity:severe": N_("Severe"),
    "severity:moderate": N_("Moderate"),
    "severity:minor": N_("Minor"),
    "severity:unknown": N_("Not known"),
    "alarm_rule:tick": N_("a tick: “I mean it”"),
    "alarm_rule:second_factor": N_("a code from the telephone"),
    "alarm_rule:second_person": N_("a second person"),
    "pending_alarm:waiting": N_("Waits for another person"),
    "pending_alarm:confirmed": N_("Confirmed"),
    "pending_alarm:declined": N_("Declined"),
    "pending_alarm:expired": N_("Nobody confirmed it in time"),
    "act:emergency.ask": N_("asked for an emergency to be confirmed"),
    "act:emergency.confirm": N_("confirmed an emergency"),
    "act:emergency.decline": N_("declined an emergency"),
    "act:emergency.expire": N_("nobody confirmed an emergency in time"),
    "act:emergency.replaced": N_("ended an emergency that was replaced"),
    "act:unit.alarm_rule": N_("set how emergencies are confirmed"),
    "job:pending-alarms": N_("Ending emergencies that nobody confirms"),
}
ALARM_TONES = {
    "pending_alarm:waiting": "wait", "pending_alarm:confirmed": "good", "pending_alarm:declined": "bad",
    "pending_alarm:expired": "bad",
}  # fmt: skip
