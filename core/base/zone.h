/*
 * Local time in any zone of the tz database.
 *
 * Ownership: who makes a struct zones frees it. Threads: any; the zones lock themselves. Failure: a zone that
 * cannot be read is logged once and taken as UTC.
 */
#ifndef CONFAB_BASE_ZONE_H
#define CONFAB_BASE_ZONE_H

#include <time.h>

struct zones;
__attribute__((warn_unused_result)) int zones_new(struct zones **out);
void zones_free(struct zones *zones);
/* Those of the process, kept to its end. NULL: no memory; all zones are UTC then. */
struct zones *zones_shared(void);

/*
 * Breaks `when` down in the zone ("Europe/Paris"; "" is UTC). localtime(3) knows one zone a process and takes
 * it from the environment, which no thread may change while another reads it; so the zone's file is read here
 * (RFC 8536). The first use of a zone reads a few kilobytes from /usr/share/zoneinfo, later ones nothing.
 */
void zones_local(struct zones *zones, const char *zone, time_t when, struct tm *out);

/*
 * The other way round: when the zone's clocks show `local`, which is that time counted as if it were UTC. A
 * time that comes twice is the first of both; one that is left out is read with the offset before the gap
 * (RFC 5545 §3.3.5).
 */
time_t zones_moment(struct zones *zones, const char *zone, time_t local);

#endif
