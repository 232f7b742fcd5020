/* Listings for the HTTP API, made into JSON by the database: what is only shown need not become structs. */
#include "storage/api.h"
#include "storage/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All have the same parameters, so that each is one row of the table below. */
#define ASKED "with q as (select $1::text as key, $2::text as after, $3::text as number, $4::int as most) "
/* `columns` of `rows`, which names q, as objects in that order; `last` is the column that names a row. */
#define LISTED(last)                                                                                         \
    "select json_build_object('items', coalesce(json_agg(r), '[]'), 'next', "                                \
    "case when count(*) = (select most from q) then (array_agg(" last                                        \
    "::text))[count(*)::int] end)::text from "

static const char *const listings[LISTING_COUNT] = {
    [LISTING_SUBSCRIBERS] = ASKED LISTED("r.number") //
    "(select s.number, s.name, s.zone, s.mailbox, s.ring_s, rfc3339(s.created) as created, "
    "coalesce((select json_object_agg(v.name, v.parameters order by v.name) from service v "
    "where v.subscriber = s.number and v.enabled), '{}') as services, "
    "(select count(*) from binding b where b.subscriber = s.number and b.expires > now()) as contacts "
    "from subscriber s, q where (q.key = '' or s.number = q.key) and s.number > q.after "
    "order by s.number limit (select most from q)) r",

    [LISTING_REGISTRATIONS] = ASKED LISTED("r.subscriber || ' ' || r.contact") //
    "(select b.subscriber, b.contact, b.received, b.user_agent, b.instance, b.path, b.q_milli / 1000.0 as q, "
    "rfc3339(b.expires) as expires from binding b, q "
    "where b.expires > now() and (q.key = '' or b.subscriber = q.key) "
    "and b.subscriber || ' ' || b.contact > q.after "
    "order by b.subscriber || ' ' || b.contact limit (select most from q)) r",

    [LISTING_MAILBOXES] = ASKED LISTED("r.number") //
    "(select m.number, m.name, m.kind, m.zone, m.language, m.max_messages, "
    "(select count(*) from entry e where e.mailbox = m.number and not e.heard and e.deleted_at is null) as "
    "\"new\", "
    "(select count(*) from entry e where e.mailbox = m.number and e.heard and e.deleted_at is null) as old, "
    "coalesce(m.pin_locked_until > now(), false) as locked "
    "from mailbox m, q where (q.key = '' or m.number = q.key) and m.number > q.after "
    "order by m.number limit (select most from q)) r",

    [LISTING_CALLS] = ASKED LISTED("r.id") //
    "(select c.id, c.sip_call_id, c.session_id, case when c.anonymous then '' else c.caller end as caller, "
    "case when c.anonymous then '' else c.caller_name end as caller_name, "
    "case when c.anonymous then null else c.subscriber end as subscriber, c.peer, c.number, "
    "c.reached, c.path, c.tags, c.recordings, rfc3339(c.started) as started, "
    "rfc3339(c.answered) as answered, rfc3339(c.ended) as ended, c.status, c.reason, c.hung_up, "
    "c.setup_ms, c.talk_ms, (select coalesce(json_agg(l order by l.leg), '[]') from (select leg, direction, "
    "role, "
    "case when c.anonymous then '' else from_number end as from_number, to_number, "
    "case when c.anonymous and (direction = 'in' or role = 'caller') then null else subscriber end as "
    "subscriber, peer, codec, srtp, talk_ms, status, packets_received, packets_sent, "
    "packets_lost, loss_percent, jitter_us, concealed_ms, delay_ms, mos, rtt_us "
    "from cdr where cdr.call = c.id) l) as legs "
    "from call c, q where (q.key = '' or c.id = q.key) "
    "and (q.number = '' or q.number in (c.number, c.reached) "
    "or (not c.anonymous and q.number in (c.caller, c.subscriber))) "
    "and (q.after = '' or (c.started, c.id) < (select o.started, o.id from call o where o.id = q.after)) "
    "order by c.started desc, c.id desc limit (select most from q)) r",

    [LISTING_TRACE] = ASKED LISTED("r.seq") //
    "(select t.seq, t.at_us, t.link, t.leg, t.sent, t.event, t.decision, t.took_us, t.edits, t.detail "
    "from trace t, q where t.call = q.key and t.seq > coalesce(nullif(q.after, ''), '0')::int "
    "and (q.number = '' or t.link = q.number) order by t.seq limit (select most from q)) r",

    [LISTING_TRANSCRIPT] = ASKED LISTED("r.message") //
    "(select e.message, t.text, rfc3339(t.created) as created from q, lateral entries_of(q.number) e "
    "left join message_transcript t on t.message = e.message where e.id::text = q.key) r",

    [LISTING_MESSAGES] = ASKED LISTED("r.id") //
    "(select e.id, case when e.deleted_at is not null then 'trash' when e.folder <> 'inbox' then e.folder "
    "when e.heard then 'old' else 'inbox' end as folder, e.heard, e.urgent, m.caller, m.caller_name, "
    "rfc3339(m.started) as \"left\", m.duration_ms from q, lateral entries_of(q.key) e "
    "join message m on m.id = e.message where not (e.broadcast and e.heard) and (q.after = '' or "
    "(m.started, e.id) < (select n.started, f.id from entries_of(q.key) f join message n on n.id = f.message "
    "where f.id::text = q.after)) order by m.started desc, e.id desc limit (select most from q)) r",

    [LISTING_TOKENS] = ASKED LISTED("r.id") //
    "(select t.id, t.name, t.role, t.subject, rfc3339(t.created) as created, "
    "rfc3339(t.last_used) as last_used, rfc3339(t.expires) as expires from token t, q "
    "where (q.key = '' or t.id::text = q.key) and t.id::text > q.after "
    "order by t.id::text limit (select most from q)) r",

    [LISTING_ROOMS] = ASKED LISTED("r.number") //
    "(select r.number, r.name, r.language, r.max_members, r.loudness, r.denoise, r.record, "
    "r.record_format, r.profile, r.host, r.max_minutes, r.waiting, r.end_with_host, "
    "r.end_grace_s, r.lecture, r.muted_entry, r.announce, r.announce_count, "
    "r.quiet_above, r.music, r.roster, r.dial_out, r.dial_out_max, r.dial_out_confirm, "
    "r.menu, r.host_menu, r.siprec, "
    "r.pin_hash is not null as has_pin, r.moderator_pin_hash is not null as has_host_pin, "
    "(select coalesce(json_agg(t order by t.begins), '[]') from (select begins, minutes, zone, repeat, "
    "early_minutes, title from room_time o where o.room = r.number) t) as times "
    "from room r, q where (q.key = '' or r.number = q.key) and r.number > q.after "
    "order by r.number limit (select most from q)) r",
};
struct listing_job {
    struct job job;
    listing_reply *reply;
    enum listing listing;
    struct listing_query query;
    char *json;
};

int listing_query_run(struct database *db, PGresult **out, enum listing listing,
                      const struct listing_query *query)
{
    return listings[listing] == NULL
               ? EINVAL
               : database_query(db, out, listings[listing],
                                VALUES(value_text(query->key), value_text(query->after),
                                       value_text(query->number), value_number(query->most)));
}

static int listing_run(struct storage *st, struct database *db, struct job *job)
{
    struct listing_job *j = (struct listing_job *)job;
    PGresult *row = NULL;
    int error;

    if (j->listing == LISTING_RECORDINGS) {
        return recordings_read(st->settings->recordings_dir, &j->query, &j->json);
    }
    error = listing_query_run(db, &row, j->listing, &j->query);

    if (error == 0) {
        free(j->json);
        j->json = strdup(PQgetvalue(row, 0, 0));
        error = j->json == NULL ? ENOMEM : 0;
    }
    PQclear(row);
    return error;
}

static void listing_drop(struct job *job)
{
    free(((struct listing_job *)job)->json);
}

static void listing_replied(struct job *job)
{
    struct listing_job *j = (struct listing_job *)job;

    j->reply(job->ticket, job->error, &j->json);
    listing_drop(job);
}

static const struct job_kind listing_kind = {
    .name = "listing", .run = listing_run, .reply = listing_replied, .drop = listing_drop};

int listing_read(struct storage *st, enum listing listing, const struct listing_query *query,
                 struct ticket ticket, listing_reply *reply)
{
    struct listing_job *j;

    if (listing == LISTING_TRACE &&
        (strlen(query->after) > 9 || strspn(query->after, "0123456789") != strlen(query->after))) {
        return EINVAL;
    }
    j = job_new(st, sizeof *j, &listing_kind, ticket);
    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->listing = listing;
    j->query.most = query->most;
    key_copy(j->query.key, sizeof j->query.key, query->key);
    key_copy(j->query.after, sizeof j->query.after, query->after);
    key_copy(j->query.number, sizeof j->query.number, query->number);
    return job_submit(&j->job);
}
