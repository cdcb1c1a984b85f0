"""Channels' news of refunds: which is believed, and what is done about it.

A success is booked: it is signed, and money that moved is never unsaid. Anything else (closed,
stuck, unclear) has the channel asked at once, as it may have been overtaken on its way.
"""

from orders.callbacks.book import (
    Content,
    Letter,
    NobodyThere,
    Reason,
    note_refused,
    note_taken,
    was_taken,
)
from orders.channels import find_notifying_channel
from orders.channels.base import (
    ChannelAnswer,
    ChannelNotice,
    NoticeRefused,
    NoticeReply,
    Outcome,
    TradeRef,
)
from orders.models import Payment, Refund
from orders.settlement import hasten_refund, settle_notify


def receive_notify(letter: Letter) -> NoticeReply:
    """This function will take in or refuse one notify, and say what the channel wants to hear.

    What came before is answered as taken: the provider's own repetition has to end some day.

    :raises NobodyThere: there is no such channel, or it sends nothing.
    """
    channel = find_notifying_channel(letter.code)
    if channel is None:
        raise NobodyThere(letter.code)
    if letter.is_too_large:
        note_refused(letter, Reason.TOO_LARGE)
        return channel.answer_notify(taken=False)
    try:
        notice = channel.parse_notify(body=letter.body, headers=letter.headers, now=letter.at)
    except NoticeRefused as refused:
        note_refused(letter, Reason(refused.reason))
        return channel.answer_notify(taken=False)
    if not notice.refund_no:
        # About a payment: the shop delivers on it, the desk does not.
        return channel.answer_notify(taken=True)
    content = Content(notice.notice_id, notice.refund_no, notice.code, notice.raw)
    if was_taken(letter, content):
        note_refused(letter, Reason.REPLAYED, content)
        return channel.answer_notify(taken=True)
    if objection := find_objection(letter.code, notice):
        note_refused(letter, objection, content)
        return channel.answer_notify(taken=False)
    act_on(letter, notice)
    # Last, so that what a killed process left undone is done when it is sent again.
    note_taken(letter, content)
    return channel.answer_notify(taken=True)


def find_objection(code: str, notice: ChannelNotice) -> Reason | None:
    """This function will hold a notify against the refund that it names."""
    refunds = Refund.objects.filter(refund_no=notice.refund_no, payment__channel=code)
    refund = refunds.select_related("payment").first()
    if refund is None:
        return Reason.UNKNOWN_NUMBER
    payment = refund.payment
    if notice.trade is not None and not is_about(notice.trade, payment):
        return Reason.OTHER_SUBJECT
    told = (notice.amount_fen, refund.amount_fen), (notice.total_fen, payment.amount_fen)
    if any(said is not None and said != ours for said, ours in told):
        return Reason.WRONG_AMOUNT
    sum_fen = notice.refunded_fen
    if sum_fen is not None and not refund.amount_fen <= sum_fen <= payment.amount_fen:
        return Reason.WRONG_AMOUNT
    return None


def is_about(trade: TradeRef, payment: Payment) -> bool:
    """This function will compare those of a payment's two numbers that both sides know."""
    pairs = (
        (trade.channel_trade_no, payment.channel_trade_no),
        (trade.merchant_trade_no, payment.merchant_trade_no),
    )
    known = [(theirs, ours) for theirs, ours in pairs if theirs and ours]
    return bool(known) and all(theirs == ours for theirs, ours in known)


def act_on(letter: Letter, notice: ChannelNotice) -> None:
    """This function will book a success, and have the channel asked about anything else."""
    if notice.outcome != Outcome.SUCCEEDED:
        hasten_refund(refund_no=notice.refund_no, channel=letter.code, now=letter.at)
        return
    answer = ChannelAnswer(
        outcome=notice.outcome,
        channel_refund_no=notice.channel_refund_no,
        amount_fen=notice.amount_fen,
        code=notice.code,
        request_id=notice.notice_id,
        raw=notice.raw,
    )
    settle_notify(refund_no=notice.refund_no, channel=letter.code, answer=answer, now=letter.at)
