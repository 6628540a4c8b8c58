"""The tables of storage.models as plain Core tables, for statements: rows, not objects, are what storage works with."""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import SQLModel

import storage.models.conversations
import storage.models.escalations
import storage.models.messages
import storage.models.people
import storage.models.staff
import storage.models.time  # noqa: F401  (all of them fill the metadata)

_tables = SQLModel.metadata.tables

person: Table = _tables["person"]
address: Table = _tables["address"]
link: Table = _tables["link"]
join_code: Table = _tables["join_code"]
match: Table = _tables["match"]
match_member: Table = _tables["match_member"]
definition: Table = _tables["definition"]
inbox: Table = _tables["inbox"]
conversation: Table = _tables["conversation"]
message: Table = _tables["message"]
delivery_attempt: Table = _tables["delivery_attempt"]
answer: Table = _tables["answer"]
finding: Table = _tables["finding"]
explanation: Table = _tables["explanation"]
escalation: Table = _tables["escalation"]
acknowledgement_code: Table = _tables["acknowledgement_code"]
review_item: Table = _tables["review_item"]
audit: Table = _tables["audit"]
occurrence: Table = _tables["occurrence"]
beat: Table = _tables["beat"]
hold: Table = _tables["hold"]
cursor: Table = _tables["cursor"]
lease: Table = _tables["lease"]
