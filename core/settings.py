"""Settings of one installation: defaults, then `HOME/settings.toml`, then the environment (`LOA_…`)."""

import os
import secrets
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.errors import N_, InvalidInput
from core.files import write_atomically

SETTINGS_FILE = "settings.toml"


class Settings(BaseSettings):
    """Every setting, with its unit in its name. Documented one by one in docs/settings.md (a test compares)."""

    model_config = SettingsConfigDict(env_prefix="LOA_", extra="forbid", validate_default=True)

    home: Path = Path("var")
    database_url: str = ""
    zone: str = "Asia/Ho_Chi_Minh"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    trusted_hosts: list[str] = []
    trust_proxy: bool = False
    max_upload_bytes: Annotated[int, Field(ge=1024)] = 200 * 1024 * 1024
    max_clip_seconds: Annotated[float, Field(gt=0)] = 3 * 3600.0
    max_text_chars: Annotated[int, Field(ge=1, le=20_000)] = 20_000
    gtts_enabled: bool = True
    gtts_url: str = ""
    gtts_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 8.0
    piper_voices: Path | None = None
    render_timeout_seconds: Annotated[float, Field(gt=0)] = 900.0
    render_lanes: Annotated[int, Field(ge=1, le=32)] = 1
    horizon_days: Annotated[int, Field(ge=8, le=60)] = 8
    freeze_minutes: Annotated[float, Field(ge=0, le=1_440)] = 10.0
    sim_budget_mb: Annotated[int, Field(ge=0, le=10_000_000)] = 4_800
    silent_after_seconds: Annotated[int, Field(ge=60)] = 180
    tell_after_seconds: Annotated[int, Field(ge=0, le=86_400)] = 600
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = ""
    smtp_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 20.0
    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    webhook_private: bool = False
    outside_hosts: list[str] = []
    public_url: Annotated[str, Field(max_length=300)] = ""
    map_tiles: Annotated[str, Field(pattern=r"^(https?://[^\s?#;,'\"]+\{z\}[^\s;,'\"]*)?$", max_length=300)] = ""
    map_attribution: Annotated[str, Field(max_length=200)] = ""
    cap_sender: Annotated[str, Field(pattern=r"^[A-Za-z0-9@._:-]{0,200}$")] = ""
    cap_signing_key: Path | None = None
    cap_signing_certificate: Path | None = None
    report_grace_seconds: Annotated[int, Field(ge=0)] = 120
    enrolment_hours: Annotated[int, Field(ge=1, le=24)] = 24
    radio_listeners: Annotated[int, Field(ge=0, le=30_000)] = 2_000
    radio_listeners_per_address: Annotated[int, Field(ge=1, le=30_000)] = 50
    relays_at_once: Annotated[int, Field(ge=0, le=100)] = 8
    relay_listeners: Annotated[int, Field(ge=0, le=30_000)] = 10_000
    live_max_minutes: Annotated[int, Field(ge=1, le=720)] = 60
    media_accel_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._/-]*/)?$")] = ""
    media_url: Annotated[str, Field(pattern=r"^(https?://[^?#\s]+[^/?#\s])?$")] = ""
    media_signing: Literal["nginx", "s3"] = "nginx"
    media_secret: str = ""
    media_key_id: str = ""
    media_region: str = "us-east-1"
    media_url_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3_600
    mqtt_url: Annotated[str, Field(pattern=r"^(mqtts?://[^/?#\s]+)?$")] = ""
    mqtt_station_url: Annotated[str, Field(pattern=r"^(mqtts?://[^/?#\s]+)?$")] = ""
    mqtt_username: str = ""
    mqtt_password: str = ""
    mqtt_ca: Path | None = None
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    backup_hours: Annotated[int, Field(ge=0)] = 24
    backups_kept: Annotated[int, Field(ge=1, le=365)] = 7
    originals_days: Annotated[int, Field(ge=0, le=3_650)] = 14
    unused_clip_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    old_audio_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    feedback_contact_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    reserve_mb: Annotated[int, Field(ge=0, le=1_000_000)] = 256
    lock_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the command line says wins, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def url(self) -> str:
        """SQLAlchemy address of the database; SQLite inside the home folder unless set."""
        return self.database_url or f"sqlite:///{self.home / 'loa.db'}"

    @property
    def media(self) -> Path:
        return self.home / "media"

    @property
    def uploads(self) -> Path:
        """Recordings as they were handed in, kept for `originals_days`. Same file system as `media`."""
        return self.home / "uploads"

    @property
    def reserve_bytes(self) -> int:
        return self.reserve_mb << 20

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def backups(self) -> Path:
        return self.home / "backups"


def load(home: Path | None = None, **overrides: Any) -> Settings:
    """Settings of the installation in `home` (default: `LOA_HOME`, else `./var`). Raises InvalidInput.

    Command-line options come as `overrides` and win over file and environment; None means "not given".
    """
    place = Path(home or os.environ.get("LOA_HOME") or "var").absolute()

    class Here(Settings):
        model_config = SettingsConfigDict(toml_file=place / SETTINGS_FILE)

    try:
        given = {name: value for name, value in overrides.items() if value is not None}
        return Here(**{**given, "home": place})
    except (ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        why = str(error).replace("\n", " ")[:300]
        raise InvalidInput(N_("The settings can't be read: %(why)s"), why=why) from error


def session_secret(settings: Settings) -> str:
    """The key that signs browser sessions, made at first use and kept in the home folder."""
    file = settings.keys / "session.key"
    if not file.exists():
        write_atomically(file, secrets.token_hex(32).encode(), mode=0o600)
    return file.read_text("ascii")


def relay_secret(settings: Settings) -> bytes:
    """The key that signs the names of relays, made at first use (once, whoever comes first) and kept in the home."""
    file = settings.keys / "relay.key"
    if not file.exists():
        fresh = settings.keys / f".relay-{secrets.token_hex(8)}"
        write_atomically(fresh, secrets.token_hex(32).encode(), mode=0o600)
        try:
            with suppress(FileExistsError):
                os.link(fresh, file)
        finally:
            fresh.unlink()
    return file.read_bytes()
