"""What the database itself can do: a sweep's writes as one hand-written statement per batch.

Every row that firing an agent's clock writes, and nothing else: the deadline, the ticket with its
level and the head of its chain, two events whose hashes the database computes itself, the
supervisor's clock, the missed deadline, and a notice for each supervisor and the customer. No
policy is read, no calendar, no other state or kind is thought of; that is the difference.
"""

import time

import psycopg

#: Milliseconds and instants are written as tickets.chain and tickets.deadlines write them.
FIRE = r"""
WITH due AS MATERIALIZED (
    SELECT d.id, d.ticket_id, d.cycle, d.due_at, t.uuid, t.event_seq, t.event_hash,
        greatest(%(now)s, t.updated_at) AS at,
        %(now)s + (t.policy #>> '{clocks,supervisor_resolution,within}')::interval AS next_due_at
    FROM tickets_deadline d JOIN tickets_ticket t ON t.id = d.ticket_id
    WHERE d.state = 'pending' AND d.quarantined_at IS NULL AND d.due_at <= %(now)s
    ORDER BY d.due_at, d.id LIMIT %(batch)s FOR UPDATE OF d, t SKIP LOCKED
), written AS MATERIALIZED (
    SELECT *,
        to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00') AS at_text,
        to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00') AS due_text,
        floor(extract(epoch FROM %(now)s - due_at) * 1000)::bigint AS late_ms
    FROM due
), first AS MATERIALIZED (
    SELECT *, encode(sha256(convert_to(event_hash
        || '[' || event_seq + 1 || ',"deadline_fired","system","' || at_text
        || '",{"due_at":"' || due_text || '","kind":"agent_resolution","late_ms":'
        || late_ms || '}]', 'UTF8')), 'hex') AS hash1
    FROM written
), chained AS MATERIALIZED (
    SELECT *, encode(sha256(convert_to(hash1
        || '[' || event_seq + 2 || ',"escalated","system","' || at_text
        || '",{"by":"agent_resolution","to":"supervisor"}]', 'UTF8')), 'hex') AS hash2
    FROM first
), fired AS (
    UPDATE tickets_deadline d SET state = 'fired', fired_at = %(now)s
    FROM chained c WHERE d.id = c.id AND d.state = 'pending'
), raised AS (
    UPDATE tickets_ticket t SET level = 'supervisor', event_seq = c.event_seq + 2,
        event_hash = c.hash2, updated_at = c.at
    FROM chained c WHERE t.id = c.ticket_id
), events AS (
    INSERT INTO tickets_event
        (ticket_id, seq, kind, actor, at, data, deadline_id, prev_hash, hash)
    SELECT ticket_id, event_seq + 1, 'deadline_fired', 'system', at, jsonb_build_object(
        'kind', 'agent_resolution', 'due_at', due_text, 'late_ms', late_ms), id, event_hash, hash1
    FROM chained
    UNION ALL
    SELECT ticket_id, event_seq + 2, 'escalated', 'system', at, jsonb_build_object(
        'to', 'supervisor', 'by', 'agent_resolution'), NULL, hash1, hash2
    FROM chained
), clocks AS (
    INSERT INTO tickets_deadline (ticket_id, kind, cycle, round, state, clock, started_at, due_at,
        provisional, last_error)
    SELECT ticket_id, 'supervisor_resolution', cycle, 1, 'pending', 'wall', %(now)s, next_due_at,
        false, ''
    FROM chained
), missed AS (
    INSERT INTO tickets_breach (ticket_id, deadline_id, kind, due_at, detected_at, cause_code,
        responsible_party, corrective_action)
    SELECT ticket_id, id, 'agent_resolution', due_at, %(now)s, '', '', '' FROM chained
), notices AS (
    INSERT INTO tickets_notice (ticket_id, audience, user_id, kind, context, key, created_at,
        state, attempts, not_before, recipient, subject, body, last_error,
        route, unknowns, reference)
    SELECT c.ticket_id, to_whom.audience, to_whom.user_id, to_whom.kind, to_whom.context,
        c.uuid || ':' || c.event_seq + 2 || ':' || to_whom.kind || ':'
            || coalesce(to_whom.user_id::text, 'customer'),
        %(now)s, 'pending', 0, %(now)s, '', '', '', '', 'email', 0, ''
    FROM chained c CROSS JOIN (
        SELECT 'staff' AS audience, u.id AS user_id, 'escalated_staff' AS kind,
            '{"by": "agent_resolution"}'::jsonb AS context
        FROM auth_user u JOIN auth_user_groups m ON m.user_id = u.id
            JOIN auth_group g ON g.id = m.group_id
        WHERE g.name = 'supervisor' AND u.is_active
        UNION ALL
        SELECT 'customer', NULL, 'escalated', '{}'::jsonb
    ) AS to_whom
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM chained
"""


def drain(url: str, *, batch: int) -> tuple[int, float]:
    """This function will fire all that is due, and say how many that were in how many seconds."""
    fired = 0
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.perf_counter()
        while True:
            now = connection.execute("SELECT statement_timestamp()").fetchone()
            assert now is not None
            row = connection.execute(FIRE, {"now": now[0], "batch": batch}).fetchone()
            if not row or not row[0]:
                return fired, time.perf_counter() - started
            fired += row[0]
