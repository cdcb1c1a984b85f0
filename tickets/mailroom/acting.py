"""What a person's mail leads to: words and proof for a dispute, a new dispute, or a question."""

from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from orders.masking import mask_email
from orders.models import Order
from tickets.actors import Actor
from tickets.cases import Case, open_case
from tickets.intake import DESCRIPTION_LIMIT, Contact, Dispute, open_ticket
from tickets.mailroom.answering import answer
from tickets.mailroom.claims import find_last_fours, find_order_tokens, find_ticket_numbers
from tickets.mailroom.concluding import conclude, lock_waiting, note_handled
from tickets.mailroom.files import Taken, bind_draft, draft_of, take_files
from tickets.mailroom.letters import Letter
from tickets.mailroom.quoting import strip_quotes
from tickets.models import Draft, Event, InboundMail, Ticket
from tickets.notices import notify_customer, notify_owner
from tickets.notifiers.threads import contact_address, find_ticket_uuids
from tickets.proof import MAX_FILES
from tickets.queries import find_order_for_customer
from tickets.throttle import MISSES_PER_ORDER, Throttled, check, count
from tickets.transitions.handling import answer_as_customer
from tickets.transitions.proving import put_evidence

State = InboundMail.State
#: How many orders named in one mail are tried.
MAX_ORDERS = 3


def act(mail: InboundMail, letter: Letter, *, now: datetime) -> None:
    """This function will do what a person's mail asks for.

    The address of a sender is easily forged: it adds words and files to a dispute, as the tracking
    link does, and nothing else. Order number and last four characters open disputes, as on the
    page.
    """
    ticket = find_ticket(letter)
    if ticket is not None and mail.sender == contact_address(ticket).lower():
        add_to_dispute(mail, letter, ticket, now=now)
    elif (order := find_claimed_order(letter, now=now)) is not None:
        open_dispute(mail, letter, order, now=now)
    elif ticket is not None:
        keep_for_a_person(mail, letter, ticket, reason="other_address", now=now)
    elif not letter.text.strip() and not letter.attachments:
        conclude(mail, State.IGNORED, reason="empty", now=now)
    else:
        conclude(mail, State.ASKED, reason="no_order", kind="mail_asks_number", now=now)


def find_ticket(letter: Letter) -> Ticket | None:
    """This function will find the dispute that is written about: by the ids of our own mails that
    are answered, else by the number in the subject."""
    tickets = Ticket.objects.select_related("order")
    for uuid in find_ticket_uuids(letter.references):
        if (ticket := tickets.filter(uuid=uuid).first()) is not None:
            return ticket
    return tickets.filter(number__in=find_ticket_numbers(letter.subject)).first()


def find_claimed_order(letter: Letter, *, now: datetime) -> Order | None:
    """This function will find an order of which the mail names number and last four characters.

    Each guess is counted as on the page, whoever makes it.
    """
    text = f"{letter.subject}\n{strip_quotes(letter.text)}\n{letter.text}"
    tokens = find_order_tokens(text)
    known = Order.objects.filter(order_no__in=tokens).values_list("order_no", flat=True)
    for order_no in sorted(known, key=tokens.index)[:MAX_ORDERS]:
        for last4 in find_last_fours(text, order_no=order_no):
            try:
                check(MISSES_PER_ORDER, order_no, now=now)
            except Throttled:
                break
            order = find_order_for_customer(order_no=order_no, last4=last4)
            if order is not None:
                return order
            count(MISSES_PER_ORDER, order_no, now=now)
    return None


def add_to_dispute(mail: InboundMail, letter: Letter, ticket: Ticket, *, now: datetime) -> None:
    """This function will add words and files as the customer's own."""
    if not ticket.is_open:
        keep_for_a_person(mail, letter, ticket, reason="dispute_over", now=now)
        return
    text = own_words(letter, ticket.language)
    taken = take_files(mail, letter, order=ticket.order, category=ticket.category, ticket=ticket)
    if not text and not taken.ids and not taken.refused:
        conclude(mail, State.IGNORED, reason="empty", now=now)
        return
    with open_case(ticket_id=ticket.pk, actor=Actor.customer(), now=now) as case:
        if not lock_waiting(mail):
            return
        # Closed while we read: the next attempt finds it so.
        case.require_open()
        fit_in(taken, room=MAX_FILES - case.ticket.evidence.count(), language=ticket.language)
        if taken.ids:
            put_evidence(case, taken.ids)
            bind_draft(mail, case.ticket, now=now)
        if text:
            answer_as_customer(case, text, mail=mail.pk, sha256=mail.sha256)
        tell_refused(case, taken)
        note_handled(mail, State.ADDED, ticket=case.ticket, now=now)


def open_dispute(mail: InboundMail, letter: Letter, order: Order, *, now: datetime) -> None:
    """This function will open a dispute, or add to the order's open one. The mail's draft makes a
    second attempt find what the first one did."""
    running = order.tickets.filter(status__in=Ticket.OPEN_STATUSES).first()
    category = str(Ticket.Category.CARD_CODE if order.is_card_code else Ticket.Category.NON_ARRIVAL)
    if running is not None:
        category = running.category
    taken = take_files(mail, letter, order=order, category=category, ticket=running)
    held = running.evidence.count() if running is not None else 0
    fit_in(taken, room=MAX_FILES - held, language=mail.language)
    draft = draft_of(mail, order)
    with translation.override(mail.language):
        description = own_words(letter, mail.language) or letter.subject or _("(no text)")
    opened = open_ticket(
        order=order,
        dispute=Dispute(
            category=category,
            description=description,
            contact=Contact(name=mail.sender_name, email=mail.sender),
            evidence_ids=tuple(taken.ids),
            intake=Ticket.Intake.EMAIL,
            language=mail.language,
        ),
        actor=Actor.customer(),
        now=now,
        draft=draft,
    )
    with open_case(ticket_id=opened.ticket.pk, actor=Actor.customer(), now=now) as case:
        if not lock_waiting(mail):
            return
        tell_refused(case, taken)
        state = State.OPENED if has_opened(draft, case.ticket) else State.ADDED
        note_handled(mail, state, ticket=case.ticket, now=now)


def has_opened(draft: Draft, ticket: Ticket) -> bool:
    """This function will tell whether a mail's draft became the ticket, or joined it."""
    return ticket.intake == Ticket.Intake.EMAIL and ticket.drafts.order_by("pk").first() == draft


def keep_for_a_person(
    mail: InboundMail, letter: Letter, ticket: Ticket, *, reason: str, now: datetime
) -> None:
    """This function will show a mail to staff that must not, or cannot, act by itself.

    The sender is told so, in words that say nothing of the dispute.
    """
    with open_case(ticket_id=ticket.pk, actor=Actor.system(), now=now) as case:
        if not lock_waiting(mail):
            return
        with translation.override(settings.LANGUAGE_CODE):
            note = _("Mail from %(sender)s, kept for you to look at:") % {
                "sender": mask_email(mail.sender)
            }
        words = f"{note}\n\n{own_words(letter, ticket.language) or letter.subject}"
        digest = case.say(words[:DESCRIPTION_LIMIT], internal=True)
        case.record(Event.Kind.NOTED, text_digest=digest, mail=mail.pk, sha256=mail.sha256)
        notify_owner(case, "mail_kept_staff", reason=reason)
        note_handled(mail, State.KEPT, reason=reason, ticket=case.ticket, now=now)
        if reason == "dispute_over":
            notify_customer(case, "mail_after_the_end")
        else:
            answer(mail, "mail_kept", now=now)


def own_words(letter: Letter, language: str) -> str:
    """This function will give the new words of a mail, as long as a text may be here."""
    text = strip_quotes(letter.text)
    if len(text) <= DESCRIPTION_LIMIT:
        return text
    with translation.override(language):
        rest = _("[shortened; the whole mail is kept]")
    return f"{text[: DESCRIPTION_LIMIT - len(rest) - 1]}\n{rest}"


def fit_in(taken: Taken, *, room: int, language: str) -> None:
    """This function will leave out the files for which the dispute has no room."""
    room = max(room, 0)
    if len(taken.ids) <= room:
        return
    with translation.override(language):
        why = _("At most %(limit)s files are possible.") % {"limit": MAX_FILES}
        taken.refused += [
            (_("file %(n)s") % {"n": n}, why) for n in range(room + 1, len(taken.ids) + 1)
        ]
    del taken.ids[room:]


def tell_refused(case: Case, taken: Taken) -> None:
    if taken.refused:
        files = [{"name": name, "why": why} for name, why in taken.refused]
        notify_customer(case, "mail_files_refused", files=files)
