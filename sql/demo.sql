-- The demo set-up: ten users with a mailbox each, and a room with PINs. May be run again: what exists is left alone.
begin;

insert into mailbox (number, name, zone, pin_hash)
select number, name, 'Europe/London', '$y$j9T$Hc/eSLtA5MZ79ClBsM.3L1$i013ZnmVf1u3xYcIIiV.wpR3RPAtyM6bqGqkZRvNm54' -- 739146
from (values ('1001', 'Alice Archer'), ('1002', 'Ben Baxter'), ('1003', 'Clara Cole'), ('1004', 'Daniel Drake'),
             ('1005', 'Emma Ellis'), ('1006', 'Felix Ford'), ('1007', 'Grace Green'), ('1008', 'Henry Hall'),
             ('1009', 'Iris Irving'), ('1010', 'Jack Jordan')) as person (number, name)
on conflict do nothing;

insert into subscriber (number, name, zone, mailbox)
select number, name, zone, number from mailbox where number between '1001' and '1010' and length(number) = 4
on conflict do nothing;

-- The SIP password of each is confab- and his number. Only its digests are kept.
insert into credential (number, realm, ha1_md5, ha1_sha256)
select number, 'confab', md5(secret), encode(sha256(convert_to(secret, 'UTF8')), 'hex')
from (select number, number || ':confab:confab-' || number as secret from subscriber
      where number between '1001' and '1010' and length(number) = 4) as login
on conflict do nothing;

insert into room (number, name, pin_hash, moderator_pin_hash)
values ('3900', 'Meeting room',
        '$y$j9T$ucIeEPKcgyCTqxo4bk91T1$GbWhg6K8nHmkq6jTlj5pQjzW2pbyq1tHF.Ux4zymE0B', -- 246810
        '$y$j9T$KnVYicW0QQEfH7Trd8JKc0$sleBjxkomot8gECB0yF5x7Kqlcy.cyv7HiiwTh1fxu6') -- 135791
on conflict do nothing;

commit;
