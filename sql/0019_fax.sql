-- Faxes that come to mailboxes.

alter table mailbox add column fax boolean;
comment on column mailbox.fax is 'Fax machines that call it find one; null: as confab.conf says';

alter table message
    add column pages integer not null default 0 check (pages >= 0),
    add column sender text not null default '';
comment on column message.pages is 'Of a fax: how many have come whole';
comment on column message.sender is 'Of a fax: the number that the sending machine told of itself (TSI), which nobody has proved';
comment on column message.cut is
    'The caller hung up without a word about it, and may call back to go on; of a fax: pages are missing';
comment on column blob.audio is 'A WAV file; of a fax the TIFF file of its pages';

-- As before, with what a fax has, and a full mailbox by whatever quota (0017).
create or replace function entry_tell() returns trigger language plpgsql as $$
declare
    detail jsonb;
begin
    if not exists (select from outbox_event) then
        return null;
    end if;
    select jsonb_build_object('entry', new.id, 'message', m.id, 'kind', m.kind, 'caller', m.caller,
                              'caller_name', m.caller_name, 'started', m.started, 'duration_ms', m.duration_ms,
                              'urgent', new.urgent)
           || case when m.kind = 'fax' then jsonb_build_object('pages', m.pages, 'sender', m.sender, 'complete', not m.cut)
                   else '{}' end
        into detail from message m where m.id = new.message;
    if tg_op = 'INSERT' and exists (select from message m where m.id = new.message and m.call = 'import') then
        return null; -- moved in from elsewhere, and no news
    end if;
    if tg_op = 'INSERT' then
        perform event_tell('message-new', new.mailbox, detail);
        if exists (select from outbox_event where event = 'mailbox-full') and mailbox_full(new.mailbox)
           and not mailbox_full(new.mailbox, new.id) then
            perform event_tell('mailbox-full', new.mailbox, '{}');
        end if;
        return null;
    end if;
    if new.heard and not old.heard then
        perform event_tell('message-read', new.mailbox, detail);
    end if;
    if new.deleted_at is not null and old.deleted_at is null then
        perform event_tell('message-deleted', new.mailbox, detail);
    end if;
    return null;
end $$;
