"""The speech service for tests of the timetable."""

from speech_service import service, short_mp3  # noqa: F401 - fixtures
