"""Mistakes about time: each would fire a clock twice, early, never, or half."""

from tests.mutants.mutant import Edit, Mutant

SWEEP = "tests/tickets/test_sweep.py"
CLAIM = "filter(state=Deadline.State.PENDING, quarantined_at__isnull=True, due_at__lte=now)"

TIMERS = (
    Mutant(
        name="the sweep does not look whether a clock is pending",
        harm="what was met, paused or fired fires all the same, again and again",
        edits=(
            Edit("tickets/sweep.py", CLAIM, "filter(quarantined_at__isnull=True, due_at__lte=now)"),
        ),
        tests=(f"{SWEEP}::TestClaiming",),
    ),
    Mutant(
        name="two clocks of one ticket in one batch",
        harm="each decides on what the other one changes",
        edits=(
            Edit(
                "tickets/sweep.py",
                "first.setdefault(deadline.ticket_id, deadline)",
                "first.setdefault(deadline.pk, deadline)",
            ),
        ),
        tests=(f"{SWEEP}::TestClaiming",),
    ),
    Mutant(
        name="the claim asks clock_timestamp()",
        harm="no index can serve it: seconds instead of a fraction of a millisecond, every second",
        edits=(
            Edit(
                "tickets/sweep.py",
                CLAIM,
                "extra(where=[\"tickets_deadline.state = 'pending' AND quarantined_at IS NULL"
                ' AND due_at <= clock_timestamp()"])',
            ),
        ),
        tests=(f"{SWEEP}::TestClaiming",),
        postgresql=True,
    ),
    Mutant(
        name="a second early",
        harm="a promise is broken before its time, and the database refuses the whole batch",
        edits=(
            Edit(
                "tickets/sweep.py",
                CLAIM,
                CLAIM.replace("=now)", '=now + __import__("datetime").timedelta(seconds=1))'),
            ),
        ),
        tests=(f"{SWEEP}::TestClaiming",),
    ),
)
