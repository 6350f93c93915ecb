"""Languages: how each writes numbers, dates and lists, and texts from message files in one form."""

from __future__ import annotations

from capacity.language.language import Language, languages, read_language
from capacity.language.messages import Messages, faults_of_messages, read_messages

__all__ = ["Language", "Messages", "faults_of_messages", "languages", "read_language", "read_messages"]
