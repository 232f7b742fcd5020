-- Sending: everybody among several receivers, a bound to calls of owners, and traces go when they are old.

-- Everybody behind a number, as before. All mailboxes are meant by that list's id alone, which is known to him only
-- who was found to be allowed; he may have named others beside it.
create or replace function recipients_of(number text, sender text) returns table (mailbox text, broadcast boolean)
language sql stable as $$
    with recursive step (number, list, owner) as (
        select $1, d.id, d.owner from (select) as one left join distribution d on d.id = distribution_of($1, $2)
        union
        select m.number, d.id, d.owner
        from step s join distribution_member m on m.list = s.list
        left join distribution d on d.id = distribution_of(m.number, s.owner)
            and (not d.everybody or d.id::text = m.number)
    )
    select s.number, false from step s where s.list is null
    union
    select b.number, true from step s join distribution d on d.id = s.list and d.everybody and d.id::text = s.number
    join mailbox b on b.kind = 'person'
$$;

-- As before; who is meant twice, alone and among all, has it as all have it.
create or replace function message_distribute(target text, sent uuid, is_urgent boolean, said uuid, sender text)
returns table (mailbox text, outcome text) language sql as $$
    with meant as materialized (
        select r.mailbox, bool_or(r.broadcast) as broadcast from recipients_of(target, sender) r group by r.mailbox
    ), wanted as materialized (
        select r.mailbox, r.broadcast,
               case when b.number is null then 'unknown'
                    when not r.broadcast and mailbox_full(b.number) then 'full' else 'placed' end as outcome
        from meant r left join mailbox b on b.number = r.mailbox and b.kind <> 'greeting'
    ), placed as (
        insert into entry (mailbox, message, urgent, broadcast, introduction, forwarded_by)
        select w.mailbox, sent, is_urgent, w.broadcast, said, coalesce(sender, '') from wanted w
        where w.outcome = 'placed'
        on conflict on constraint entry_mailbox_message_key do update
        set folder = 'inbox', heard = false, deleted_at = null, introduction = excluded.introduction,
            forwarded_by = excluded.forwarded_by
    ), missed as (
        insert into undelivered (message, mailbox, reason)
        select sent, w.mailbox, w.outcome from wanted w where w.outcome <> 'placed'
        on conflict (message, mailbox) do nothing
    )
    select w.mailbox, w.outcome from wanted w order by w.outcome <> 'placed', w.mailbox
$$;

create table callout_made (
    mailbox text primary key references mailbox on update cascade on delete cascade,
    since   timestamptz not null,
    calls   integer not null
);
comment on table callout_made is 'How often an owner was called about new messages in the day that began at since';

-- True: there may be one more call, and it is counted. A new day begins with the first call after the old one.
create function callout_count(of_mailbox text, most integer) returns boolean language sql as $$
    with counted as (
        insert into callout_made as m (mailbox, since, calls) select of_mailbox, now(), 1 where most > 0
        on conflict (mailbox) do update
        set since = case when m.since <= now() - interval '1 day' then now() else m.since end,
            calls = case when m.since <= now() - interval '1 day' then 1 else m.calls + 1 end
        where m.calls < most or m.since <= now() - interval '1 day'
        returning 1
    )
    select exists (select from counted)
$$;

-- Old rows go, by nobody's hand but retention's.
create or replace function audit_keep() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('confab.source', true) = 'retention' then
        return null;
    end if;
    raise exception 'rows of audit are neither changed nor removed';
end $$;
comment on table audit is 'What was done in mailboxes: rows are only added, and outlive mailbox and message; old ones go (confab.conf, audit_days)';

create index audit_at on audit (at);
create index voicemail_call_started on voicemail_call (started);

-- What is old and no message: the audit after so many days (0: never), calls out of mailboxes, lists made for one
-- message that was never sent: late, as one may wait in another server's spool until the database is back. Of a mailbox under legal hold nothing goes.
create function traces_retain(at timestamptz, audit_days integer, most integer) returns void language plpgsql as $$
begin
    perform set_config('confab.source', 'retention', true);
    delete from audit where id in (
        select a.id from audit a
        where audit_days > 0 and a.at < traces_retain.at - make_interval(days => audit_days)
        and not exists (select from mailbox m where m.number = a.mailbox and m.legal_hold)
        limit most for update of a skip locked);
    delete from voicemail_call where id in (
        select c.id from voicemail_call c join mailbox m on m.number = c.mailbox
        where c.started < traces_retain.at - interval '30 days' and not m.legal_hold
        limit most for update of c skip locked);
    delete from distribution d where d.id in (
        select l.id from distribution l where l.once and l.created < traces_retain.at - interval '90 days'
        limit most for update of l skip locked);
end $$;
