"""Making a station a service: a systemd unit that may do little, and is started again whatever happens."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from core.errors import N_, Forbidden, InvalidInput
from core.files import write_atomically
from station.identity import Home
from station.outputs import parse_output

UNIT = "loalang-station.service"
UNIT_FOLDER = Path("/etc/systemd/system")
_COMMAND_SECONDS = 60
# Signs of life come three times as often (`oversight`), and only while the player looks at its plan.
_WATCHDOG_SECONDS = 60
_TEXT = """\
# Written by `loa station install`; make changes with `systemctl edit {unit}`, which keeps them in a file of their own.
[Unit]
Description=Loa Làng station
# It does not wait for the network: a station plays its last plan when there is none.
After=sound.target
StartLimitIntervalSec=0

[Service]
Type=notify
User={user}
SupplementaryGroups=audio
ExecStart={command}
Restart=always
RestartSec=1
WatchdogSec={watchdog}
TimeoutStopSec=10
Nice=-5
LimitRTPRIO=20
MemoryMax=256M
TasksMax=64
UMask=0077
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={protect_home}
PrivateTmp=yes
# The sound card, and no other device.
DevicePolicy=closed
DeviceAllow=char-alsa rw
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def service_text(
    home: Home, user: str, output: str, program: list[str], *, latency_ms: int = 0, microphone: str = ""
) -> str:
    """The unit for the station in `home`, started by `program` (the words before `station run`).

    Raises InvalidInput for an output that `station run` would not take, or a path that no unit can name.
    """
    kind, sound = parse_output(output)
    where = home.path.absolute()
    writable = [where, sound.absolute()] if isinstance(sound, Path) else [where]
    for path in (*writable, *program):
        if any(character in str(path) for character in "\n\r\0"):
            raise InvalidInput(N_("“%(path)s” can't stand in a unit of systemd."), path=str(path))
    spoken = kind if sound is None else f"{kind}:{writable[-1] if isinstance(sound, Path) else sound}"
    command = [*program, "station", "run", "--home", str(where), "--output", spoken]
    if latency_ms:
        command += ["--latency-ms", str(latency_ms)]
    if microphone:
        command += ["--microphone", microphone]
    below_home = any(path.parts[1:2] in {("home",), ("root",)} for path in (*writable, Path(program[0])))
    return _TEXT.format(
        unit=UNIT,
        user=user,
        command=" ".join(_word(word, for_command=True) for word in command),
        writable=" ".join(_word(str(path), for_command=False) for path in writable),
        watchdog=_WATCHDOG_SECONDS,
        protect_home="read-only" if below_home else "yes",
    )


def install(
    home: Home, user: str, output: str, program: list[str], folder: Path = UNIT_FOLDER, *, latency_ms: int = 0,
    microphone: str = "",
) -> Path:  # fmt: skip
    """Write the unit and answer its path; nothing is started.

    Raises NotFound before enrolment, InvalidInput for a user that this machine doesn't have or that can't read the
    station's folder, Forbidden without the right to write into `folder`.
    """
    text = service_text(home, user, output, program, latency_ms=latency_ms, microphone=microphone)
    home.load()
    try:
        person = pwd.getpwnam(user)
    except KeyError:
        raise InvalidInput(
            N_("This machine has no user “%(user)s”. Make one: useradd --system --groups audio %(user)s"), user=user
        ) from None
    if home.identity_file.stat().st_uid != person.pw_uid:
        raise InvalidInput(
            N_("“%(home)s” does not belong to “%(user)s”. Give it to them: chown -R %(user)s: %(home)s"),
            home=str(home.path.absolute()), user=user,
        )  # fmt: skip
    sound = parse_output(output)[1]
    try:
        if isinstance(sound, Path):
            sound.mkdir(parents=True, exist_ok=True)
            os.chown(sound, person.pw_uid, person.pw_gid)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / UNIT, text.encode(), mode=0o644)
    except PermissionError as error:
        where = error.filename or str(folder)
        raise Forbidden(N_("“%(file)s” can't be written. Run this as root."), file=where) from error
    return folder / UNIT


def start() -> bool:
    """Have systemd read the unit, start it now and at every boot; False where systemd does not run or refuses."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not Path("/run/systemd/system").is_dir() or os.geteuid() != 0:
        return False
    for words in (["daemon-reload"], ["enable", UNIT], ["restart", UNIT]):
        try:
            done = subprocess.run([systemctl, *words], check=False, timeout=_COMMAND_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode:
            return False
    return True


def _word(word: str, *, for_command: bool) -> str:
    """A word of a unit: specifiers doubled, quoted where it has to be (systemd.syntax(7), systemd.service(5))."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if for_command:
        escaped = escaped.replace("$", "$$")
    plain = word.replace("/", "").replace("-", "").replace("_", "").replace(".", "").replace(":", "").isalnum()
    return escaped if plain else f'"{escaped}"'
