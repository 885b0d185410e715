"""Every table of the application, for migrations: importing the models registers them."""

from sqlmodel import SQLModel

import alerts.board_models
import alerts.drills_models
import alerts.pending_models
import alerts.sources.models
import audio.models
import core.audit
import core.changes
import playlists.approval_models
import playlists.feedback_models
import playlists.models
import playlists.offer_models
import playlists.writing_models
import registry.account_models
import registry.deputy_models
import registry.former_models
import registry.models
import scheduler.air_models
import scheduler.batch_models
import scheduler.concern_models
import scheduler.live_models
import scheduler.models
import scheduler.prepared_models
import scheduler.sound_models
import scheduler.statistics_models
import scheduler.undo_models

MODULES = (
    core.audit, core.changes, registry.models, registry.account_models, registry.former_models, audio.models,
    playlists.models,
    playlists.feedback_models, playlists.writing_models, scheduler.models, scheduler.air_models, scheduler.batch_models,
    scheduler.concern_models,
    scheduler.prepared_models, scheduler.statistics_models, scheduler.sound_models, scheduler.live_models,
    alerts.pending_models,
    alerts.sources.models, alerts.board_models, alerts.drills_models,
    playlists.approval_models, playlists.offer_models, registry.deputy_models, scheduler.undo_models,
)  # fmt: skip
metadata = SQLModel.metadata
