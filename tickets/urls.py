from django.urls import URLPattern, URLResolver, path

from tickets.views import bank, dispute, home, lookup, order_page, papers, tracking, verbs

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("rules/", home.rules, name="rules"),
    path("notices/", home.notices, name="notices"),
    path("orders/lookup/", lookup.look_up, name="lookup"),
    path("orders/arrival/<str:token>/", order_page.stop_watch, name="stop-watch"),
    path("orders/<str:token>/", order_page.order_page, name="order"),
    path("orders/<str:token>/correct/", order_page.correct, name="order-correct"),
    path("orders/<str:token>/cancel/", order_page.cancel, name="order-cancel"),
    path("orders/<str:token>/arrival/", order_page.watch, name="order-watch"),
    path("disputes/new/", dispute.new_dispute, name="new-dispute"),
    path("disputes/draft/<str:token>/", dispute.draft_page, name="draft"),
    path("disputes/draft/<str:token>/files/", dispute.draft_files, name="draft-files"),
    path(
        "disputes/draft/<str:token>/files/<uuid:evidence_id>/",
        dispute.draft_preview,
        name="draft-preview",
    ),
    path(
        "disputes/draft/<str:token>/files/<uuid:evidence_id>/remove/",
        dispute.remove_draft_file,
        name="draft-remove",
    ),
    path("t/<str:token>/", tracking.tracking, name="tracking"),
    path("t/<str:token>/files/", verbs.add_files, name="tracking-files"),
    path("t/<str:token>/files/<uuid:evidence_id>/", tracking.ticket_preview, name="preview"),
    path("t/<str:token>/nudge/", verbs.nudge, name="nudge"),
    path("t/<str:token>/reply/", verbs.reply, name="reply"),
    path("t/<str:token>/escalate/", verbs.escalate, name="escalate"),
    path("t/<str:token>/withdraw/", verbs.withdraw, name="withdraw"),
    path("t/<str:token>/reopen/", verbs.reopen, name="reopen"),
    path("t/<str:token>/rate/", verbs.rate, name="rate"),
    path("t/<str:token>/bank/", bank.bank_details, name="bank-details"),
    path("t/<str:token>/verify/", verbs.verify_device, name="verify-device"),
    path("t/<str:token>/news/", tracking.news, name="news"),
    path("t/<str:token>/report/", papers.report, name="report"),
    path("t/<str:token>/report/pdf/", papers.report_pdf, name="report-pdf"),
    path("t/<str:token>/dossier/", papers.dossier, name="dossier"),
    path("t/<str:token>/dossier/pdf/", papers.dossier_pdf, name="dossier-pdf"),
]
