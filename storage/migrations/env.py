"""Alembic's entry: runs on the connection that storage.database hands over, in its transaction and under its lock."""

from alembic import context
from sqlmodel import SQLModel

import storage.tables  # noqa: F401  (fills the metadata)
from bot.failpoints import failpoint
from storage.models.base import for_every_database

for_every_database()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    on_version_apply=lambda **_: failpoint("migrate.step"),
)
with context.begin_transaction():
    context.run_migrations()
