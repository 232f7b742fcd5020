-- A team's box: what one of its members hears counts as heard, for all that follows from hearing. Messages that go on: their owner is told
-- again, of the whole.

comment on column entry.heard is
    'In the box of a team: one of its members has heard it (entry_read says who); for each of them it is new until he has himself';

-- What one of a team hears is no new version: who hears it beside him must not find it changed.
create or replace function entry_advance() returns trigger language plpgsql as $$
begin
    if new.heard = old.heard
        or not exists (select from mailbox where number = new.mailbox and kind in ('shared', 'dispatch'))
        or to_jsonb(new) - 'heard' <> to_jsonb(old) - 'heard' then
        new.version := old.version + 1;
    end if;
    if new.heard is distinct from old.heard then
        new.heard_at := case when new.heard then now() end;
    end if;
    return new;
end $$;

create function team_heard() returns trigger language plpgsql as $$
declare
    of_entry uuid := case tg_op when 'DELETE' then old.entry else new.entry end;
    by_one boolean := exists (select from entry_read where entry = of_entry);
begin
    update entry e set heard = by_one from mailbox b
    where e.id = of_entry and e.heard <> by_one and b.number = e.mailbox and b.kind in ('shared', 'dispatch');
    return null;
end $$;
create trigger entry_read_heard after insert or delete on entry_read
    for each row execute function team_heard();

-- New again, as when it was forwarded once more: for everybody.
create function team_unheard() returns trigger language plpgsql as $$
begin
    delete from entry_read where entry = new.id;
    return null;
end $$;
create trigger entry_unheard after update of heard on entry
    for each row when (old.heard and not new.heard) execute function team_unheard();

-- What was heard long ago is nobody's news: no event, no receipt, nothing in the audit.
alter table entry disable trigger entry_told, disable trigger entry_heard, disable trigger entry_audit;
update entry e set heard = true from mailbox b
where b.number = e.mailbox and b.kind in ('shared', 'dispatch') and not e.heard and exists (select from entry_read where entry = e.id);
alter table entry enable trigger entry_told, enable trigger entry_heard, enable trigger entry_audit;

-- What waits, and is not on its way just now, will be of the whole anyhow. Parts leave in their order: a lane each message.
create or replace function message_transcribe() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        perform 1 from outbox where kind = 'transcript' and lane = new.id::text and done_at is null and failed_at is null
            for update skip locked;
        if found then
            return null;
        end if;
    end if;
    insert into outbox (kind, lane, payload)
    select 'transcript', new.id::text, jsonb_build_object('message', new.id) from outbox_event where event = 'transcript';
    return null;
end $$;
create trigger message_spoken_on after update of blob on message
    for each row when (new.blob <> old.blob and new.kind = 'voice' and new.call <> 'import') execute function message_transcribe();

-- An event of its own, with an id of its own, also in the place of one that waits: that may have arrived, and its answer not.
create function message_tell_on() returns trigger language plpgsql as $$
declare
    whole jsonb := jsonb_build_object('id', gen_random_uuid(), 'at', now(), 'duration_ms', new.duration_ms);
begin
    with waiting as materialized (
        select o.id, e.urgent from outbox o join entry e on e.mailbox = o.lane and e.id::text = o.payload->>'entry'
        where e.message = new.id and o.kind = 'webhook' and o.payload->>'event' = 'message-new'
        and o.done_at is null and o.failed_at is null for update of o skip locked
    )
    update outbox o set payload = o.payload || whole || jsonb_build_object('urgent', w.urgent) from waiting w where o.id = w.id;
    if not found then
        insert into outbox (kind, lane, payload)
        select distinct on (o.lane) o.kind, o.lane,
               o.payload || whole || jsonb_build_object('urgent', e.urgent, 'continued', true)
        from outbox o join entry e on e.mailbox = o.lane and e.id::text = o.payload->>'entry'
        where e.message = new.id and o.kind = 'webhook' and o.payload->>'event' = 'message-new'
        order by o.lane, o.id desc;
    end if;
    return null;
end $$;
create trigger message_told_on after update of blob on message
    for each row when (new.blob <> old.blob) execute function message_tell_on();
