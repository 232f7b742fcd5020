-- A call's trace is one row, not a row a step: a dozen rows a call were most of what a busy server had written.
create table call_trace (
    call    text primary key references call on delete cascade,
    started timestamptz not null,                    -- of the call
    lines   jsonb not null                           -- [{"at_us": …, "event": …, "detail": …, …}, …] in order; see view trace
);
comment on table call_trace is 'Steps of a call: what links were asked and decided, and the messages of each leg';
-- Cheaper by far than pglz, but PostgreSQL may be built without it.
do $$
begin
    alter table call_trace alter lines set compression lz4;
exception when feature_not_supported then
    null;
end
$$;

insert into call_trace
    select call, min(started),
           jsonb_agg(jsonb_strip_nulls(to_jsonb(t) - 'call' - 'seq' - 'started') order by seq)
    from trace t group by call;
create index call_trace_started on call_trace using brin (started);
drop function record_insert;
drop table trace;

create view trace as
    select t.call, l.seq::integer as seq, t.started, s.at_us, s.link, s.leg, s.sent, s.event, s.decision, s.took_us,
           s.edits, s.detail
    from call_trace t, jsonb_array_elements(t.lines) with ordinality l (line, seq),
         jsonb_to_record(l.line) s (at_us bigint,    -- since the call's start
                                    link text,       -- null: the call's own
                                    leg bigint,      -- of a SIP message
                                    sent boolean,    -- by confabd; else received
                                    event text, decision text, took_us bigint, edits text, detail text);
comment on view trace is 'A row a step of what call_trace holds';

create function record_insert(records jsonb) returns void language sql as $$
    insert into call
        select c.* from jsonb_array_elements(records) r, jsonb_populate_record(null::call, r->'call') c
        on conflict do nothing;
    insert into cdr
        select l.* from jsonb_array_elements(records) r, jsonb_populate_recordset(null::cdr, r->'legs') l
        on conflict do nothing;
    insert into call_trace
        select r->'call'->>'id', (r->'call'->>'started')::timestamptz, r->'trace' from jsonb_array_elements(records) r
        on conflict do nothing;
$$;
comment on function record_insert is 'An array of records as the journal holds them: {"call": …, "legs": […], "trace": […]}';

create or replace function confab_purge(keep interval, keep_trace interval default null) returns bigint language plpgsql as $$
declare
    calls bigint;
    traces bigint;
begin
    delete from call where id in (select id from call where started < now() - keep order by started limit 5000);
    get diagnostics calls = row_count;
    delete from call_trace where call in (select call from call_trace where started < now() - keep_trace limit 5000);
    get diagnostics traces = row_count;
    return calls + traces;
end
$$;
