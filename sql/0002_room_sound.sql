-- How a room sounds, where its row says so.

alter table room add column loudness boolean, add column denoise boolean;
comment on column room.loudness is 'All talkers at one level, and a mix that does not clip; null: as confab.conf says';
comment on column room.denoise is 'Steady noise taken out of each talker''s voice; null: as confab.conf says';
