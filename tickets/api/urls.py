from django.urls import URLPattern, URLResolver, path

from tickets.api import breaches, evidence, policies, stats, tickets, webhooks
from tickets.api.actions import VERBS, NoSuchVerb, make_view

urlpatterns: list[URLPattern | URLResolver] = [
    path("tickets", tickets.TicketList.as_view(), name="api-tickets"),
    path("tickets/<str:number>", tickets.TicketView.as_view(), name="api-ticket"),
    path("tickets/<str:number>/events", tickets.TicketEvents.as_view(), name="api-ticket-events"),
    *(
        path(
            f"tickets/<str:number>/actions/{name}",
            make_view(name, verb).as_view(),
            name=f"api-ticket-{name}",
        )
        for name, verb in VERBS.items()
    ),
    path("tickets/<str:number>/actions/<str:verb>", NoSuchVerb.as_view(), name="api-no-such-verb"),
    path("evidence", evidence.EvidenceView.as_view(), name="api-evidence"),
    path("breaches", breaches.BreachList.as_view(), name="api-breaches"),
    path(
        "breaches/<int:breach_id>/review",
        breaches.BreachReview.as_view(),
        name="api-breach-review",
    ),
    path("stats/sla", stats.SlaStats.as_view(), name="api-stats-sla"),
    path("webhooks", webhooks.WebhookList.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookView.as_view(), name="api-webhook"),
    path(
        "webhooks/<uuid:webhook_id>/secret",
        webhooks.WebhookSecret.as_view(),
        name="api-webhook-secret",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        webhooks.WebhookDeliveries.as_view(),
        name="api-webhook-deliveries",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<str:message_id>/replay",
        webhooks.WebhookReplay.as_view(),
        name="api-webhook-replay",
    ),
    path(
        "webhooks/<uuid:webhook_id>/replay",
        webhooks.WebhookReplayFailed.as_view(),
        name="api-webhook-replay-failed",
    ),
    path("policies/<str:code>", policies.PolicyView.as_view(), name="api-policy"),
]
