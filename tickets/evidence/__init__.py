"""Files of proof: received, kept unchanged, and held against what was written down about them."""

from tickets.evidence.alike import Seen, find_seen
from tickets.evidence.checking import Finding, verify_evidence
from tickets.evidence.keeping import evidence_storage, read_preview
from tickets.evidence.receiving import (
    MAX_BYTES,
    UnableToReceive,
    receive_evidence,
    remove_from_draft,
)
from tickets.proof import MAX_FILES

__all__ = [
    "MAX_BYTES",
    "MAX_FILES",
    "Finding",
    "Seen",
    "UnableToReceive",
    "evidence_storage",
    "find_seen",
    "read_preview",
    "receive_evidence",
    "remove_from_draft",
    "verify_evidence",
]
