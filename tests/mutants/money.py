"""Mistakes about money: each would lose a fen, or pay one twice."""

from tests.mutants.mutant import Edit, Mutant

SAGA = "tests/orders/test_saga"
CALLBACKS = "tests/orders/test_callbacks.py"

MONEY = (
    Mutant(
        name="the reservation is not looked at",
        harm="what is reserved for one refund is promised to a second one",
        edits=(
            Edit(
                "orders/entitlement.py",
                "return self.paid_fen - self.refunded_fen - self.reserved_fen",
                "return self.paid_fen - self.refunded_fen",
            ),
            Edit(
                "orders/entitlement.py",
                "self.earned_fen - self.refunded_fen - self.reserved_fen, 0)",
                "self.earned_fen - self.refunded_fen, 0)",
            ),
        ),
        tests=("tests/orders/test_reservations.py",),
    ),
    Mutant(
        name="the database does not hold refunds below what was paid",
        harm="a program with a mistake gives back more than was paid",
        edits=(
            Edit(
                "orders/migrations/0001_initial.py",
                "models.F('refunded_fen'), '+', models.F('reserved_fen')",
                "models.F('amount_fen'), '-', models.F('amount_fen')",
            ),
        ),
        tests=("tests/orders/test_database_walls.py",),
    ),
    Mutant(
        name="a new number on every retry",
        harm="the channel takes the second request for another refund and pays twice",
        edits=(
            Edit(
                "orders/models/refund.py",
                'return f"RF{uuid.uuid5(REFUND_NAMESPACE, identity).hex}"',
                'return f"RF{uuid.uuid4().hex}"',
            ),
        ),
        tests=("tests/orders/test_saga_numbers.py",),
    ),
    Mutant(
        name="a new number after a refusal",
        harm="one intent has two numbers, of which both may be paid",
        edits=(
            Edit(
                "orders/refunds.py",
                "if last is not None and _keeps_number(last, amount_fen):",
                "if False:",
            ),
        ),
        tests=("tests/orders/test_saga_numbers.py",),
    ),
    Mutant(
        name="a new number when the request goes out again",
        harm="a request that had arrived after all is paid under both numbers",
        edits=(
            Edit(
                "orders/answers.py",
                "refund.state, refund.last_sent_at, refund.next_attempt_at = "
                "State.REQUESTED, None, at",
                "refund.state, refund.last_sent_at, refund.next_attempt_at = "
                "State.REQUESTED, None, at\n"
                '    refund.refund_no = f"{refund.refund_no[:60]}-{refund.attempts}"',
            ),
        ),
        tests=("tests/orders/test_saga_queries.py",),
    ),
    Mutant(
        name="a number that was closed is used again",
        harm="the refund is never paid: its channel has finished with that number",
        edits=(
            Edit(
                "orders/refunds.py",
                "and last.amount_fen == amount_fen and not last.number_closed",
                "and last.amount_fen == amount_fen",
            ),
        ),
        tests=("tests/orders/test_saga_numbers.py",),
    ),
    Mutant(
        name="a timeout counts as a failure",
        harm="the money moved, the desk frees the reservation and pays once more",
        edits=(
            Edit(
                "orders/settlement.py",
                "outcome=error.outcome,\n            retryable=error.retryable,",
                "outcome=Outcome.REJECTED,\n            retryable=False,",
            ),
            Edit(
                "orders/settlement.py",
                "from orders.channels.base import ChannelAnswer, ChannelError, TradeRef",
                "from orders.channels.base import ChannelAnswer, ChannelError, Outcome, TradeRef",
            ),
        ),
        tests=("tests/tickets/test_refund_verb.py", "tests/test_domain_cases.py"),
    ),
    Mutant(
        name="an unknown outcome is sent again at once",
        harm="a channel that does not know our number yet is asked for the money twice",
        edits=(
            Edit(
                "orders/answers.py",
                "refund.state = State.ACCEPTED if accepted else State.UNKNOWN\n",
                "refund.state = State.ACCEPTED if accepted else State.UNKNOWN\n"
                "    if not accepted:\n"
                "        _send_again(refund, now)\n"
                "        return\n",
            ),
        ),
        tests=("tests/orders/test_saga_queries.py", "tests/orders/test_saga_sending.py"),
    ),
    Mutant(
        name="not found once is enough to send again",
        harm="a channel that answers from a copy that lags behind is believed",
        edits=(
            Edit(
                "orders/answers.py",
                "NOT_FOUNDS_BEFORE_RESENDING = 2",
                "NOT_FOUNDS_BEFORE_RESENDING = 1",
            ),
        ),
        tests=("tests/orders/test_saga_queries.py",),
    ),
    Mutant(
        name="not found before the channel can know counts",
        harm="a refund that is still on its way is sent a second time",
        edits=(
            Edit(
                "orders/answers.py",
                "if asked.at - refund.last_sent_at >= get_manners(payment.channel).min_query_wait:",
                "if True:",
            ),
        ),
        tests=("tests/orders/test_saga_queries.py",),
    ),
    Mutant(
        name="an answer about an earlier sending counts",
        harm="a slow worker's old news sends a request that is under way",
        edits=(
            Edit(
                "orders/answers.py",
                "return asked.at < refund.last_sent_at",
                "return False",
            ),
        ),
        tests=("tests/orders/test_saga_queries.py", "tests/orders/test_saga_numbers.py"),
    ),
    Mutant(
        name="past the key's life it is sent all the same",
        harm="the channel has forgotten the number and pays it a second time",
        edits=(
            Edit(
                "orders/answers.py",
                "KEY_LIFE = timedelta(hours=20)",
                "KEY_LIFE = timedelta(days=999)",
            ),
        ),
        tests=("tests/orders/test_saga_queries.py", "tests/test_domain_cases.py"),
    ),
    Mutant(
        name="that it is being sent is not committed before the call",
        harm="a worker that dies in the call leaves a refund that is sent again",
        edits=(
            Edit(
                "orders/settlement.py",
                "refund.last_sent_at = payment.refund_sent_at = now",
                "payment.refund_sent_at = now",
            ),
        ),
        tests=("tests/orders/test_saga_sending.py", "tests/orders/test_saga_queries.py"),
    ),
    Mutant(
        name="a refund that another worker holds is taken up too",
        harm="two workers send one refund at the same instant",
        edits=(Edit("orders/settlement.py", "refund.next_attempt_at = now + LEASE\n", "pass\n"),),
        tests=("tests/orders/test_saga_queries.py",),
    ),
    Mutant(
        name="a second live refund for one intent is let in",
        harm="one dispute refunds one payment twice",
        edits=(Edit("orders/refunds.py", "if live.exists():", "if False:"),),
        tests=("tests/orders/test_saga_late_answers.py", "tests/tickets/test_refund_verb.py"),
    ),
    Mutant(
        name="a rejected refund keeps its reservation",
        harm="what is owed can never be given back",
        edits=(
            Edit(
                "orders/answers.py",
                "ledger.release(payment, refund, now=now)\n    _finish(",
                "_finish(",
            ),
        ),
        tests=("tests/orders/test_ledger.py", "tests/orders/test_saga_sending.py"),
    ),
    Mutant(
        name="success told twice is booked twice",
        harm="our books say that more went back than did",
        edits=(
            Edit(
                "orders/answers.py",
                "if refund.state == State.SUCCEEDED:\n"
                "        _succeed_again(refund, answer, now=now)\n"
                "        return\n",
                "if False:\n        pass\n",
            ),
        ),
        tests=("tests/orders/test_saga_late_answers.py", CALLBACKS),
    ),
    Mutant(
        name="a late success is not heard",
        harm="the money went back, the desk says it did not and pays again",
        edits=(
            Edit(
                "orders/answers.py",
                "if answer.outcome == Outcome.SUCCEEDED:\n        _succeed(",
                "if answer.outcome == Outcome.SUCCEEDED and refund.state in IN_FLIGHT:\n"
                "        _succeed(",
            ),
        ),
        tests=("tests/orders/test_saga_late_answers.py",),
    ),
    Mutant(
        name="a journal that is not balanced is written",
        harm="the books do not add up and nobody notices",
        edits=(Edit("orders/ledger.py", "if sum(lines.values()) != 0:", "if False:"),),
        tests=("tests/orders/test_ledger.py",),
    ),
    Mutant(
        name="news is taken in as often as it comes",
        harm="a replayed letter is acted on again, and no row says that somebody tried",
        edits=(
            Edit(
                "orders/callbacks/channels.py",
                "if was_taken(letter, content):",
                "if False:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="two workers write the same news down twice",
        harm="the book of callbacks has one letter twice",
        edits=(Edit("orders/callbacks/book.py", ", ignore_conflicts=True)", ")"),),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="Alipay's signature is not checked",
        harm="anybody may tell the desk that a refund was paid",
        edits=(
            Edit(
                "orders/channels/alipay.py",
                "if not is_rsa2 or not is_signed("
                "account.alipay_public_key, join_params(signed), signature):",
                "if not is_rsa2:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="WeChat Pay's signature is not checked",
        harm="anybody may tell the desk that a refund was paid",
        edits=(
            Edit(
                "orders/channels/wechatpay_news.py",
                "if not is_signed(account, headers, body):",
                "if False:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="old news of WeChat Pay is believed",
        harm="a letter recorded once can be sent at any time",
        edits=(
            Edit(
                "orders/channels/wechatpay_news.py",
                'if not is_fresh(headers.get("Wechatpay-Timestamp", ""), now_s=now.timestamp()):',
                "if False:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="old news of Alipay is believed",
        harm="a letter recorded once can be sent at any time",
        edits=(
            Edit(
                "orders/channels/alipay.py",
                "if sent_at is None or not now - NOTIFY_AGE <= sent_at <= now + CLOCK_TOLERANCE:",
                "if sent_at is None:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="another merchant's news is ours",
        harm="a letter for another account, rightly signed, settles our refund",
        edits=(
            Edit(
                "orders/channels/alipay.py",
                'if params.get("app_id") != account.app_id or not is_ours:',
                "if False:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="news of another payment or amount is ours",
        harm="a refund counts as paid because of another one",
        edits=(
            Edit(
                "orders/callbacks/channels.py",
                "if objection := find_objection(letter.code, notice):",
                "if (objection := find_objection(letter.code, notice)) and False:",
            ),
        ),
        tests=(CALLBACKS,),
    ),
    Mutant(
        name="whoever asked may approve",
        harm="one person alone gives away any amount",
        edits=(
            Edit(
                "tickets/transitions/approvals.py",
                "if approval.requested_by == actor.label:",
                "if False:",
            ),
        ),
        tests=("tests/tickets/test_approve.py",),
    ),
    Mutant(
        name="whoever paid by hand may confirm it",
        harm="one person alone says that a bank transfer was made",
        edits=(
            Edit("orders/by_hand.py", "if settlement.proposed_by == label_of(actor):", "if False:"),
        ),
        tests=("tests/orders/test_saga_by_hand.py",),
    ),
    Mutant(
        name="limits are counted and not checked",
        harm="the desk refunds without end, by itself, at night",
        edits=(
            Edit(
                "orders/limits.py",
                "            _check(counter, limit, amount_fen, now)\n",
                "            pass\n",
            ),
        ),
        tests=("tests/orders/test_limits.py", "tests/tickets/test_agent_cap.py"),
    ),
    Mutant(
        name="limits are read without a lock",
        harm="fifty workers each find room for the last refund",
        edits=(
            Edit(
                "orders/limits.py",
                "LimitCounter.objects.select_for_update().filter(",
                "LimitCounter.objects.filter(",
            ),
        ),
        tests=("tests/orders/test_limits_together.py",),
        postgresql=True,
    ),
    Mutant(
        name="a payment is read without a lock",
        harm="two refunds reserve the same money",
        edits=(
            Edit(
                "orders/refunds.py",
                "order = Order.objects.select_for_update().get(pk=order_id)\n"
                "    payments = list(\n"
                "        Payment.objects.select_for_update()\n"
                "        .filter(",
                "order = Order.objects.get(pk=order_id)\n"
                "    payments = list(\n"
                "        Payment.objects\n"
                "        .filter(",
            ),
        ),
        tests=("tests/orders/test_limits_together.py",),
        postgresql=True,
    ),
    Mutant(
        name="the supplier's bare word is proof of delivery",
        harm="a dispute ends as delivered although nothing arrived",
        edits=(
            Edit(
                "orders/entitlement.py",
                "return self.proof_level >= ProofLevel.VOUCHER and not self.contradicted",
                "return self.proof_level >= ProofLevel.SUPPLIER_SAYS_SO and not self.contradicted",
            ),
        ),
        tests=("tests/test_domain_cases.py", "tests/tickets/test_resolve.py"),
    ),
)
