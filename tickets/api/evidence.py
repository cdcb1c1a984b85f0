"""POST /evidence: one file; the verbs attach it by its id."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from helpdesk import clock
from orders.api.keys import Need
from orders.api.problems import Problem
from orders.payload import field_error
from orders.strict import StrictSerializer
from tickets.api.access import CaseView, TrackingPass, refusing_haste, staff_or_customer
from tickets.api.shown import EvidenceShown
from tickets.api.tickets import WRITE
from tickets.evidence import MAX_BYTES, receive_evidence
from tickets.models import Evidence, Ticket
from tickets.throttle import UPLOADS_PER_CASE, count

#: One file and the multipart words around it.
MAX_BODY = MAX_BYTES + 64 * 1024


class FileAsked(StrictSerializer):
    file = serializers.FileField(allow_empty_file=True)
    kind = serializers.ChoiceField(choices=Evidence.Kind.choices)


class EvidenceView(CaseView):
    parser_classes = [MultiPartParser]
    needs = {"POST": Need(WRITE, "tickets.add_evidence")}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything of the body is read: a key's digest of the request reads all of it.
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            message = _("A file has at most 10 MB.")
            raise Problem(413, message, "too_large", field="file", limit=str(MAX_BYTES))
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="evidence_upload",
        request={"multipart/form-data": FileAsked},
        responses={201: EvidenceShown},
    )
    def post(self, request: Request) -> Response:
        """Keep one file (jpg, png, webp, heic, pdf; at most 10 MB) to be attached by its id."""
        now = clock.now()
        asked = FileAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        if len(request.FILES.getlist("file")) > 1:
            raise field_error("file", _("One file at a time, please."), "too_many_files")
        ticket = None
        if isinstance(request.auth, TrackingPass):
            ticket = Ticket.objects.get(pk=request.auth.ticket_id)
            with refusing_haste():
                count(UPLOADS_PER_CASE, ticket.uuid.hex, now=now)
        evidence = receive_evidence(
            upload=asked.validated_data["file"],
            kind=asked.validated_data["kind"],
            actor=staff_or_customer(request.user),
            now=now,
            ticket=ticket,
        )
        return Response(EvidenceShown(evidence).data, status=201)
