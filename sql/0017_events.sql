-- What webhooks and the table audit say, put right: a full mailbox by whatever quota, each wrong PIN, and "forwarded" of
-- what somebody has forwarded.

drop function mailbox_full(text);
create function mailbox_full(number text, without uuid default null) returns boolean language sql stable as $$
    select (m.max_messages > 0 and used.count >= m.max_messages)
        or (m.max_seconds > 0 and used.ms >= m.max_seconds * 1000::bigint)
        or (m.max_bytes > 0 and used.bytes >= m.max_bytes)
    from mailbox m, lateral (
        select count(*), coalesce(sum(g.duration_ms), 0) as ms, coalesce(sum(octet_length(b.audio)), 0) as bytes
        from entry e join message g on g.id = e.message join blob b on b.id = g.blob
        where e.mailbox = m.number and e.deleted_at is null and not e.broadcast
        and e.id is distinct from without) as used
    where m.number = $1
$$;
comment on function mailbox_full is 'Whether a mailbox takes no more, or would not if this one of its entries were not there';

-- pin_failed begins anew with each lock; pin_refused does not.
create or replace function login_tell() returns trigger language plpgsql as $$
begin
    perform event_tell('login-failed', new.number,
                       jsonb_build_object('failed', old.pin_failed + 1, 'locked', new.pin_locks > old.pin_locks));
    return null;
end $$;
drop trigger mailbox_login on mailbox;
create trigger mailbox_login after update of pin_refused on mailbox
    for each row when (new.pin_refused > old.pin_refused) execute function login_tell();

-- A message to a list is in many mailboxes, and nobody has forwarded it.
create or replace function entry_audited() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.forwarded_by <> '' then
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
