-- Who may use the HTTP API, and what it shows.

create table token (
    id        uuid primary key default gen_random_uuid(),
    name      text not null check (name ~ '^[^[:cntrl:]]{1,63}$'),
    sha256    bytea not null unique check (octet_length(sha256) = 32),
    role      text not null check (role in ('admin', 'read-only', 'host', 'owner')),
    subject   text not null default '' check (subject ~ '^[^[:cntrl:]]{0,63}$'),
    created   timestamptz not null default now(),
    last_used timestamptz,
    expires   timestamptz,
    check ((role in ('host', 'owner')) = (subject <> ''))
);
comment on table token is 'Secrets that programs show to the HTTP API; the secret itself is nowhere';
comment on column token.sha256 is 'Of the secret as text: 32 random bytes and more need no slow hash';
comment on column token.subject is 'The room whose host, or the mailbox whose owner, it speaks for; else empty';
comment on column token.last_used is 'To a minute';

-- RFC 3339 in UTC, with milliseconds.
create function rfc3339(at timestamptz) returns text language sql stable as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
