"""Words of the list of stations, the map, and orders to many."""

from core.errors import N_

NETWORK: dict[str, str] = {
    "station_state:all": N_("All of them"),
    "station_state:online": N_("On line"),
    "station_state:silent": N_("Silent"),
    "station_state:never": N_("Never heard"),
    "station_state:revoked": N_("Not in service"),
    "station_state:waiting": N_("Device to confirm"),
    "station_state:storage": N_("Memory card or storage"),
    "station_state:sound": N_("Sound card or player"),
    "station_state:clock": N_("Its own clock is wrong"),
    "station_state:hot": N_("Too hot"),
    "station_state:behind": N_("Other software version"),
    "batch:ordered": N_("Ordered, not fetched yet"),
    "batch:told": N_("Has read it"),
    "batch:acknowledged": N_("Carried out"),
    "batch:expired": N_("Run out, not fetched"),
    "batch_out:role": N_("Your role does not allow it there"),
    "batch_out:service": N_("No device in service there"),
    "batch_out:quiet": N_("Quiet hours there now"),
    "act:station.batch": N_("gave an order to many stations"),
}
NETWORK_TONES = {
    "station_state:online": "good", "station_state:silent": "bad", "station_state:never": "wait",
    "station_state:revoked": "calm", "station_state:waiting": "wait", "station_state:storage": "bad",
    "station_state:sound": "bad", "station_state:clock": "wait", "station_state:hot": "bad",
    "station_state:behind": "wait", "batch:ordered": "wait", "batch:told": "wait", "batch:acknowledged": "good",
    "batch:expired": "bad", "batch_out:role": "bad", "batch_out:service": "calm", "batch_out:quiet": "wait",
}  # fmt: skip
