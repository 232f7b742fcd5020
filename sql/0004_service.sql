-- What a subscriber has switched on: screening, forwarding and so on. A link of the service path reads its own row.
create table service (
    subscriber text not null references subscriber on update cascade on delete cascade,
    name       text not null check (name ~ '^[a-z][a-z0-9-]{0,30}$'),
    enabled    boolean not null default true,
    parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'
                                                  and octet_length(parameters::text) <= 2000),
    changed    timestamptz not null default now(),
    primary key (subscriber, name)
);
comment on table service is 'Services of a subscriber, by the names that the links of the service path know';
comment on column service.enabled is 'Switched off it keeps its parameters';
