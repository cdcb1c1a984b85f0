"""How the admin looks: the settings of its skin (django-unfold). No rule of the desk lives here."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def may(right: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(right)


def asset(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(name)


def entry(title: Any, icon: str, address: str, right: str, **more: Any) -> dict[str, Any]:
    link = reverse_lazy(f"admin:{address}")
    return {"title": title, "icon": icon, "link": link, "permission": may(right), **more}


def page(title: Any, icon: str, address: str) -> dict[str, Any]:
    """A page for those who supervise that is about no single table."""
    right = may("tickets.supervise_ticket")
    return {"title": title, "icon": icon, "link": reverse_lazy(address), "permission": right}


def room(title: Any, *items: dict[str, Any], collapsible: bool = False) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": collapsible, "items": list(items)}


NAVIGATION = [
    room(
        _("Disputes"),
        {"title": _("Overview"), "icon": "wb_twilight", "link": reverse_lazy("admin:index")},
        page(_("Dashboard"), "dashboard", "desk:dashboard"),
        page(_("Reports"), "bar_chart", "desk:reports"),
        entry(
            _("Queue"),
            "confirmation_number",
            "tickets_ticket_changelist",
            "tickets.work_ticket",
        ),
        entry(_("File for a caller"), "add_call", "tickets_ticket_call", "tickets.add_ticket"),
        entry(
            _("Approvals"),
            "approval_delegation",
            "tickets_approval_changelist",
            "tickets.supervise_ticket",
            badge="tickets.admin.menu.approvals_badge",
        ),
        entry(
            _("Missed deadlines"),
            "timer_off",
            "tickets_breach_changelist",
            "tickets.supervise_ticket",
            badge="tickets.admin.menu.breaches_badge",
        ),
        entry(
            _("Outside cases"),
            "account_balance",
            "tickets_externalcase_changelist",
            "tickets.view_externalcase",
        ),
        entry(
            _("Closures to look at"),
            "troubleshoot",
            "tickets_closurereview_changelist",
            "tickets.supervise_ticket",
            badge="tickets.admin.menu.closures_badge",
        ),
        entry(_("12315 notices"), "gavel", "tickets_referral_changelist", "tickets.view_referral"),
        entry(
            _("Incoming mail"),
            "mark_email_unread",
            "tickets_inboundmail_changelist",
            "tickets.view_inboundmail",
        ),
        entry(
            _("Messages sent"), "outgoing_mail", "tickets_notice_changelist", "tickets.view_notice"
        ),
    ),
    room(
        _("Orders and money"),
        entry(_("Orders"), "receipt_long", "orders_order_changelist", "orders.view_order"),
        entry(_("Payments"), "payments", "orders_payment_changelist", "orders.view_payment"),
        entry(_("Top-ups"), "bolt", "orders_topup_changelist", "orders.view_topup"),
        entry(_("Refunds"), "currency_exchange", "orders_refund_changelist", "orders.view_refund"),
        entry(_("Outages"), "crisis_alert", "orders_outage_changelist", "orders.view_outage"),
        entry(
            _("Refund batches"),
            "playlist_add_check",
            "orders_refundbatch_changelist",
            "orders.view_refundbatch",
        ),
        entry(
            _("Money alarms"),
            "notification_important",
            "orders_moneyalarm_changelist",
            "orders.view_moneyalarm",
        ),
        entry(
            _("Claims on suppliers"),
            "assignment_return",
            "orders_recourse_changelist",
            "orders.view_recourse",
        ),
        entry(
            _("Ledger"),
            "menu_book",
            "orders_ledgerentry_changelist",
            "orders.view_ledgerentry",
        ),
        entry(
            _("Reconciliation"),
            "balance",
            "orders_reconciliationrun_changelist",
            "orders.view_reconciliationrun",
        ),
        entry(
            _("Differences"),
            "difference",
            "orders_reconciliationdifference_changelist",
            "orders.view_reconciliationdifference",
        ),
        entry(
            _("Providers' messages"),
            "mark_email_unread",
            "orders_callback_changelist",
            "orders.view_callback",
        ),
        entry(
            _("Unread shop orders"),
            "sync_problem",
            "orders_shopfault_changelist",
            "orders.view_shopfault",
        ),
        entry(
            _("Order events"), "history", "orders_orderevent_changelist", "orders.view_orderevent"
        ),
    ),
    room(
        _("Rules and people"),
        {
            "title": _("First hour"),
            "icon": "checklist",
            "link": reverse_lazy("setup"),
            "permission": may("tickets.supervise_ticket"),
        },
        entry(
            _("Policies"), "rule", "tickets_servicepolicy_changelist", "tickets.view_servicepolicy"
        ),
        entry(
            _("Published rules"),
            "policy",
            "orders_ruleversion_changelist",
            "orders.view_ruleversion",
        ),
        entry(
            _("Staffed hours"),
            "schedule",
            "tickets_staffedhours_changelist",
            "tickets.view_staffedhours",
        ),
        entry(
            _("Calendar"),
            "calendar_month",
            "tickets_calendarday_changelist",
            "tickets.view_calendarday",
        ),
        entry(_("Shifts"), "event_available", "tickets_shift_changelist", "tickets.view_shift"),
        entry(_("Macros"), "quick_phrases", "tickets_macro_changelist", "tickets.view_macro"),
        page(_("Revealed data"), "visibility", "desk:reveals"),
        entry(_("Deadlines"), "timer", "tickets_deadline_changelist", "tickets.view_deadline"),
        entry(_("People"), "group", "auth_user_changelist", "auth.view_user"),
        entry(_("Roles"), "badge", "auth_group_changelist", "auth.view_group"),
        entry(_("API keys"), "key", "orders_apikey_changelist", "orders.view_apikey"),
        collapsible=True,
    ),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Dispute desk"),
    "SITE_HEADER": _("Dispute desk"),
    "SITE_SUBHEADER": _("Credit or money back"),
    "SITE_URL": "/",
    "SITE_SYMBOL": "support_agent",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": asset("favicon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "tickets.admin.menu.environment",
    "GLOBAL_CALLBACK": "tickets.admin.menu.surround",
    "DASHBOARD_CALLBACK": "tickets.admin.dashboard.fill_dashboard",
    "STYLES": [asset("admin-desk.css")],
    "SCRIPTS": [asset(f"admin-{name}.js") for name in ("desk", "here", "proof", "words", "bulk")],
    "COMMAND": {"search_callback": "tickets.admin.menu.search"},
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": NAVIGATION},
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "#eff5ff",
            "100": "#dbe8fe",
            "200": "#bfd6fe",
            "300": "#93b9fd",
            "400": "#6094fa",
            "500": "#3b75f6",
            "600": "#1f5be0",
            "700": "#1b49bd",
            "800": "#1c3f99",
            "900": "#1c3879",
            "950": "#15244a",
        },
    },
}
