"""Settings of one installation: defaults, then `HOME/settings.toml`, then the environment (`LOA_…`)."""

import os
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Any

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
    silent_after_seconds: Annotated[int, Field(ge=60)] = 180
    report_grace_seconds: Annotated[int, Field(ge=0)] = 120
    enrolment_hours: Annotated[int, Field(ge=1, le=24)] = 24
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    backup_hours: Annotated[int, Field(ge=0)] = 24
    backups_kept: Annotated[int, Field(ge=1, le=365)] = 7
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
        """Recordings as they were handed in, kept until they are mastered. Same file system as `media`."""
        return self.home / "uploads"

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
