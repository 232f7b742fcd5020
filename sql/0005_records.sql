-- What became of each call: a row a call, a row a leg (CDR), and the steps that led there (trace). confabd writes them once,
-- after the call, through a journal on disk; the same record may come twice and is then left out.
create table call (
    id          text primary key check (id <> ''),   -- as in the log
    sip_call_id text not null default '',            -- of the INVITE; '' when the server itself began the call
    session_id  text,                                -- RFC 7989; null when the caller gave none
    caller      text not null,                       -- '' when unknown
    caller_name text not null,
    anonymous   boolean not null,
    subscriber  text,                                -- who called, authenticated
    peer        text,                                -- the trusted peer that called
    number      text not null,                       -- as dialled
    reached     text not null,                       -- the number after all retargets
    path        text[] not null,                     -- links that saw it, in that order
    diversions  jsonb not null,                      -- [{"user": …, "cause": …}, …], the first one first
    tags        jsonb not null,                      -- words of applications
    recordings  text[] not null,                     -- files
    started     timestamptz not null,
    answered    timestamptz,
    ended       timestamptz not null,
    status      integer not null,                    -- 200, or why there was no call
    reason      text not null,
    hung_up     text check (hung_up in ('caller', 'callee', 'server')),
    setup_ms    bigint not null,
    talk_ms     bigint not null
);
comment on table call is 'Calls that are over; rows of foreign keys are none, for subscribers may go before their records';
create index call_started on call (started);
create index call_caller on call (caller, started);
create index call_number on call (number, started);
create index call_session on call (session_id) where session_id is not null;
create index call_sip_call_id on call (sip_call_id) where sip_call_id <> '';

create table cdr (
    call         text not null references call on delete cascade,
    leg          bigint not null,                    -- unique in the life of one confabd
    began_in     text,                               -- the call that the leg came from, by a transfer or a pickup
    session_id   text,
    direction    text not null check (direction in ('in', 'out')), -- of the INVITE, as confabd sees it
    role         text not null check (role in ('caller', 'callee', 'branch', 'left')), -- branch: rang; left: was replaced
    from_number  text not null,
    to_number    text not null,
    subscriber   text,                               -- at the leg's far side
    peer         text,
    uri          text not null,                      -- where the INVITE went
    codec        text,
    srtp         text,                               -- suite; null: none
    started      timestamptz not null,
    ringing      timestamptz,
    answered     timestamptz,
    ended        timestamptz not null,
    ring_ms      bigint,                             -- from ringing to answer or end
    talk_ms      bigint not null,
    status       integer not null,
    reason       text not null,
    hung_up      text check (hung_up in ('far', 'server')),
    packets_received bigint, packets_sent bigint, packets_lost bigint, packets_late bigint, packets_forged bigint,
    loss_percent numeric(5,2), jitter_us bigint, concealed_ms bigint, delay_ms bigint,
    r            integer,                            -- E-model, 0 to 93
    mos          numeric(3,2),
    rtt_us       bigint,
    remote_lost  bigint, remote_jitter_us bigint,    -- how the far side hears us, as its RTCP says
    primary key (call, leg)
);
comment on table cdr is 'One row a leg; figures of media are null where no port was ever open';
create index cdr_started on cdr (started);
create index cdr_session on cdr (session_id) where session_id is not null;

create table trace (
    call     text not null references call on delete cascade,
    seq      integer not null,
    started  timestamptz not null,                   -- of the call
    at_us    bigint not null,                        -- since then
    link     text,                                   -- null: the call's own
    leg      bigint,                                 -- of a SIP message
    sent     boolean,                                -- by confabd; else received
    event    text not null,
    decision text,
    took_us  bigint,
    edits    text,
    detail   text not null,
    primary key (call, seq)
);
comment on table trace is 'Steps of a call: what links were asked and decided, and the messages of each leg';
create index trace_started on trace using brin (started);

create function record_insert(records jsonb) returns void language sql as $$
    insert into call
        select c.* from jsonb_array_elements(records) r, jsonb_populate_record(null::call, r->'call') c
        on conflict do nothing;
    insert into cdr
        select l.* from jsonb_array_elements(records) r, jsonb_populate_recordset(null::cdr, r->'legs') l
        on conflict do nothing;
    insert into trace (call, seq, started, at_us, link, leg, sent, event, decision, took_us, edits, detail)
        select r->'call'->>'id', t.seq, (r->'call'->>'started')::timestamptz, t.at_us, t.link, t.leg, t.sent, t.event,
               t.decision, t.took_us, t.edits, t.detail
        from jsonb_array_elements(records) r, jsonb_populate_recordset(null::trace, r->'trace') t
        on conflict do nothing;
$$;
comment on function record_insert is 'An array of records as the journal holds them: {"call": …, "legs": […], "trace": […]}';

-- In pieces, so that one sweep of many never holds up the writers; the next sweep goes on.
create function confab_purge(keep interval, keep_trace interval default null) returns bigint language plpgsql as $$
declare
    calls bigint;
    traces bigint;
begin
    delete from call where id in (select id from call where started < now() - keep order by started limit 5000);
    get diagnostics calls = row_count;
    delete from trace where call in (select distinct call from (
        select call from trace where started < now() - keep_trace limit 50000) old);
    get diagnostics traces = row_count;
    return calls + traces;
end
$$;
comment on function confab_purge is 'Removes calls older than keep, with their legs, and traces older than keep_trace; null keeps all';
