"""Where the bytes of proof lie, and how they get there and back."""

import os

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.db.models import FileField

from tickets.models import Evidence


def evidence_storage() -> Storage:
    field = Evidence._meta.get_field("original")
    assert isinstance(field, FileField)
    return field.storage


def keep(name: str, data: bytes) -> str:
    """This function will store bytes and say under which name.

    They are written through to the disk: after a power cut no row may outlive its file.
    """
    storage = evidence_storage()
    kept = storage.save(name, ContentFile(data))
    if isinstance(storage, FileSystemStorage):
        path = storage.path(kept)
        for target in (path, os.path.dirname(path)):
            handle = os.open(target, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    return kept


def read_preview(evidence: Evidence) -> bytes | None:
    """This function will give the clean JPEG copy; None for a PDF, which has none."""
    if not evidence.preview:
        return None
    with evidence_storage().open(str(evidence.preview.name)) as file:
        return bytes(file.read())
