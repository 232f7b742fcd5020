-- Who opened a mailbox, who tried to, what was done in it, and how long what is in it stays.

alter table mailbox
    add column pin_locks     integer not null default 0 check (pin_locks >= 0),
    add column pin_refused   integer not null default 0 check (pin_refused >= 0),
    add column pin_set_at    timestamptz not null default now(),
    add column trusted_phone boolean not null default false;
comment on column mailbox.pin_locks is 'How often wrong PINs have locked it since the last right one: each lock lasts twice as long';
comment on column mailbox.pin_refused is 'Wrong PINs since the last right one; its owner is told';
comment on column mailbox.pin_set_at is 'From when on its PIN''s age counts';
comment on column mailbox.trusted_phone is 'From the phone of a subscriber whose mailbox it is, authenticated by digest, no PIN is asked';

create table pin_past (
    id       bigint generated always as identity primary key,
    mailbox  text not null references mailbox on update cascade on delete cascade,
    pin_hash text not null
);
comment on table pin_past is 'Hashes of earlier PINs, which are not taken again';
create index pin_past_mailbox on pin_past (mailbox, id);

-- Each statement that gives a mailbox another hash leaves the one before here, also an administrator's.
create function mailbox_pin_past() returns trigger language plpgsql as $$
begin
    if new.pin_hash is distinct from old.pin_hash then
        new.pin_set_at := now();
        if old.pin_hash is not null then
            insert into pin_past (mailbox, pin_hash) values (old.number, old.pin_hash);
            delete from pin_past where mailbox = old.number and id not in (
                select id from pin_past where mailbox = old.number order by id desc limit 24);
        end if;
    end if;
    return new;
end $$;
create trigger mailbox_pin before update of pin_hash on mailbox
    for each row execute function mailbox_pin_past();

alter table entry add column heard_at timestamptz;
comment on column entry.heard_at is 'When it was heard; from then on mailbox.keep_days count';
update entry set heard_at = now() where heard;
create index entry_heard on entry (heard_at) where heard and deleted_at is null;

create or replace function entry_advance() returns trigger language plpgsql as $$
begin
    new.version := old.version + 1;
    if new.heard is distinct from old.heard then
        new.heard_at := case when new.heard then now() end;
    end if;
    return new;
end $$;

create table audit (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default now(),
    mailbox text not null,
    act     text not null,
    message uuid,
    detail  text not null default '',
    source  text not null,
    caller  text not null default '',
    address text not null default ''
);
comment on table audit is 'What was done in mailboxes: rows are only added; they outlive mailbox and message';
comment on column audit.source is '''phone'', ''retention'', or the application_name of who changed rows by SQL';
comment on column audit.caller is 'Who called, where the act is a call''s: a subscriber, or a number with the peer that it came from';
create index audit_mailbox on audit (mailbox, at);

create function audit_keep() returns trigger language plpgsql as $$
begin
    raise exception 'rows of audit are neither changed nor removed';
end $$;
create trigger audit_kept before update or delete or truncate on audit
    for each statement execute function audit_keep();

create function audit_add(of_mailbox text, act text, message uuid, detail text) returns void language sql as $$
    insert into audit (mailbox, act, message, detail, source) values (of_mailbox, act, message, detail,
        coalesce(nullif(current_setting('confab.source', true), ''),
                 case current_setting('application_name') when 'confab' then 'phone' else current_setting('application_name') end))
$$;

-- Runs before the count of references (entry_message): who finds a message that is in a mailbox already forwards it.
create function entry_audited() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if exists (select from message where id = new.message and refs > 0) then
            perform audit_add(new.mailbox, 'forwarded', new.message, '');
        end if;
    elsif tg_op = 'DELETE' then
        perform audit_add(old.mailbox, 'removed', old.message, '');
    else
        if new.heard and not old.heard then
            perform audit_add(new.mailbox, 'heard', new.message, '');
        end if;
        if (new.deleted_at is null) <> (old.deleted_at is null) then
            perform audit_add(new.mailbox, case when new.deleted_at is null then 'restored' else 'deleted' end, new.message, '');
        end if;
    end if;
    return null;
end $$;
create trigger entry_audit after insert or update or delete on entry
    for each row execute function entry_audited();

create function greeting_audited() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        perform audit_add(old.mailbox, 'greeting', null, old.kind || ' removed');
    else
        perform audit_add(new.mailbox, 'greeting', null, new.kind);
    end if;
    return null;
end $$;
create trigger greeting_audit after insert or update or delete on greeting
    for each row execute function greeting_audited();

-- Names of columns, never what is in them: one of them is a hash.
create function mailbox_audited() returns trigger language plpgsql as $$
declare
    changed text;
begin
    if new.pin_hash is distinct from old.pin_hash then
        perform audit_add(new.number, 'pin-changed', null, '');
    end if;
    select string_agg(n.key, ' ' order by n.key) into changed from jsonb_each(to_jsonb(new)) n
        join jsonb_each(to_jsonb(old)) o on o.key = n.key and o.value <> n.value where n.key not like 'pin\_%';
    if changed is not null then
        perform audit_add(new.number, 'settings', null, changed);
    end if;
    return null;
end $$;
create trigger mailbox_audit after update on mailbox
    for each row execute function mailbox_audited();

-- Also when its mailbox is to go.
create function entry_hold() returns trigger language plpgsql as $$
begin
    if exists (select from mailbox where number = old.mailbox and legal_hold) then
        raise exception 'mailbox % is under legal hold', old.mailbox;
    end if;
    return old;
end $$;
create trigger entry_held before delete on entry
    for each row execute function entry_hold();
create function mailbox_hold() returns trigger language plpgsql as $$
begin
    if old.legal_hold then
        raise exception 'mailbox % is under legal hold', old.number;
    end if;
    return old;
end $$;
create trigger mailbox_held before delete on mailbox
    for each row execute function mailbox_hold();

-- At most so many of each at once: the rest comes a minute later. An entry that somebody writes to now waits as well.
create function mailbox_retain(at timestamptz, keep integer, trash integer, most integer) returns void language plpgsql as $$
begin
    perform set_config('confab.source', 'retention', true);
    update entry set deleted_at = at where id in (
        select e.id from entry e join mailbox m on m.number = e.mailbox
        where e.heard and e.deleted_at is null and coalesce(m.keep_days, keep) > 0
        and e.heard_at < at - make_interval(days => coalesce(m.keep_days, keep))
        limit most for update of e skip locked);
    delete from entry where id in (
        select e.id from entry e join mailbox m on m.number = e.mailbox
        where e.deleted_at < at - make_interval(days => coalesce(m.trash_days, trash)) and not m.legal_hold
        limit most for update of e skip locked);
end $$;
