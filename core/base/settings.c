/*
 * confab.conf: reads the file by the table of keys (settings_keys.c), judges sections as a whole, and owns
 * what came of it. A single run names every fault but those behind a syntax error or an unknown key.
 */
#include "core/base/settings.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/settings_internal.h"

#define COMPLAINT_TEXT 512

/* The value that settings_hold() and settings_free() count; `s` points into `cfg`'s strings. */
struct held {
    struct settings s;
    cfg_t *cfg;
    atomic_uint references;
};

static struct held *held_of(const struct settings *s)
{
    return (struct held *)(void *)((char *)(uintptr_t)s - offsetof(struct held, s));
}

/* -- Complaints
 * ---------------------------------------------------------------------------------------------------- */

/* libconfuse's callbacks carry no argument of ours. Loading belongs to one thread at a time. */
static _Thread_local struct {
    void (*complain)(const char *line, void *arg);
    void *arg;
    const char *file;
    unsigned faults;
} load;

static void complain_va(int line, const char *format, va_list args)
{
    char text[COMPLAINT_TEXT];
    int at = snprintf(text, sizeof text, "%s:%d: ", load.file, line);
    if (at > 0 && (size_t)at < sizeof text) {
        vsnprintf(text + at, sizeof text - (size_t)at, format, args);
    }
    load.faults++;
    load.complain(text, load.arg);
}

void settings_complain(int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_va(line, format, args);
    va_end(args);
}

static void confuse_complained(cfg_t *cfg, const char *format, va_list args)
{
    complain_va(cfg->line, format, args);
}

/* For faults of a section as a whole: libconfuse keeps only the line of its end. */
int section_line(int last, const char *name, const char *title)
{
    char text[1024];
    int found = last;
    FILE *f = fopen(load.file, "r");
    for (int line = 1; f != NULL && line <= last && fgets(text, sizeof text, f) != NULL; line++) {
        const char *at = text + strspn(text, " \t");
        if (strncmp(at, name, strlen(name)) == 0 && (title == NULL || strstr(at, title) != NULL)) {
            found = line;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return found;
}

/* -- Sections as a whole
 * -------------------------------------------------------------------------------------------- */

/* The section of `opt` that was read last. */
static cfg_t *last_section(cfg_opt_t *opt)
{
    return cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
}

__attribute__((format(printf, 2, 3))) static void complain_section(cfg_t *section, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_va(section_line(section->line, section->name, cfg_title(section)), format, args);
    va_end(args);
}

static int sip_read(cfg_t *cfg, cfg_opt_t *opt)
{
    (void)cfg;
    cfg_t *sip = last_section(opt);
    long low = cfg_getint(sip, "registration_min"), high = cfg_getint(sip, "registration_max");
    long usual = cfg_getint(sip, "registration_default");
    if (low > usual || usual > high) {
        complain_section(sip,
                         "registration_default: %ld is not between registration_min %ld and "
                         "registration_max %ld",
                         usual, low, high);
    }
    if (cfg_getint(sip, "session_min_se") > cfg_getint(sip, "session_expires")) {
        complain_section(sip, "session_min_se: %ld is above session_expires %ld",
                         cfg_getint(sip, "session_min_se"), cfg_getint(sip, "session_expires"));
    }
    if (cfg_size(sip, "listen") == 0 || cfg_size(sip, "listen") > SETTINGS_LISTEN_MAX) {
        complain_section(sip, "listen: needs one to %d addresses", SETTINGS_LISTEN_MAX);
    }
    return 0;
}

static int media_read(cfg_t *cfg, cfg_opt_t *opt)
{
    (void)cfg;
    cfg_t *media = last_section(opt);
    long low = cfg_getint(media, "rtp_port_low"), high = cfg_getint(media, "rtp_port_high");
    /* RFC 3550 §11: an even port for RTP and the odd one above it for RTCP. */
    if (low + low % 2 + 1 > high) {
        complain_section(media, "rtp_port_low: from %ld to %ld there is no pair of an even and an odd port",
                         low, high);
    }
    unsigned count = cfg_size(media, "codecs");
    if (count == 0) {
        complain_section(media, "codecs: needs at least one");
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < i; k++) {
            const char *name = cfg_getnstr(media, "codecs", i);
            if (strcasecmp(name, cfg_getnstr(media, "codecs", k)) == 0) {
                complain_section(media, "codecs: \"%s\" comes twice", name);
            }
        }
    }
    return 0;
}

static int peer_read(cfg_t *cfg, cfg_opt_t *opt)
{
    (void)cfg;
    cfg_t *peer = last_section(opt);
    if (cfg_title(peer)[0] == '\0') {
        complain_section(peer, "peer: has no name");
    }
    if (cfg_size(peer, "address") == 0) {
        complain_section(peer, "peer \"%s\": has no address", cfg_title(peer));
    }
    bool user = *cfg_getstr(peer, "user") != '\0', password = *cfg_getstr(peer, "password") != '\0';
    if (user && realm_fault(cfg_getstr(peer, "user")) != NULL) {
        complain_section(peer, "peer \"%s\": user %s", cfg_title(peer),
                         realm_fault(cfg_getstr(peer, "user")));
    } else if (user != password) {
        complain_section(peer, "peer \"%s\": has a %s and no %s", cfg_title(peer), user ? "user" : "password",
                         user ? "password" : "user");
    } else if (!user && cfg_getstr(peer, "realm") != NULL) {
        complain_section(peer, "peer \"%s\": has a realm and no user", cfg_title(peer));
    }
    return 0;
}

static int plan_read(cfg_t *cfg, cfg_opt_t *opt)
{
    (void)cfg;
    cfg_t *number = last_section(opt);
    const char *fault = pattern_fault(cfg_title(number));
    if (fault != NULL) {
        complain_section(number, "number: \"%s\" %s", cfg_title(number), fault);
    }
    if (cfg_getstr(number, "application") == NULL) {
        complain_section(number, "number \"%s\": has no application", cfg_title(number));
    }
    return 0;
}

static int link_read(cfg_t *cfg, cfg_opt_t *opt)
{
    (void)cfg;
    cfg_t *link = last_section(opt);
    if (cfg_title(link)[0] == '\0') {
        complain_section(link, "link: has no name");
    } else if (cfg_getstr(link, "application") == NULL && !link_is_built_in(cfg_title(link))) {
        complain_section(link, "link \"%s\": has no application, and none of that name is built in",
                         cfg_title(link));
    }
    return 0;
}

/* -- Loading
 * -------------------------------------------------------------------------------------------------------- */

/* The table's parser, with what is judged when a section is at its end. */
static cfg_t *parser_new(void)
{
    cfg_t *cfg = keys_parser();
    if (cfg != NULL) {
        cfg_set_error_function(cfg, confuse_complained);
        cfg_set_validate_func(cfg, "sip", sip_read);
        cfg_set_validate_func(cfg, "media", media_read);
        cfg_set_validate_func(cfg, "peer", peer_read);
        cfg_set_validate_func(cfg, "number", plan_read);
        cfg_set_validate_func(cfg, "link", link_read);
    }
    return cfg;
}

static int peers_fill(struct settings *s, cfg_t *cfg)
{
    unsigned count = cfg_size(cfg, "peer");
    s->peers = calloc(count + 1, sizeof *s->peers);
    if (s->peers == NULL) {
        return ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        cfg_t *section = cfg_getnsec(cfg, "peer", i);
        struct peer_settings *peer = &s->peers[s->peer_count++];
        peer->name = (char *)(uintptr_t)cfg_title(section);
        peer->uri = cfg_getstr(section, "uri");
        peer->user = cfg_getstr(section, "user");
        peer->password = cfg_getstr(section, "password");
        peer->realm = cfg_getstr(section, "realm");
        peer->trusted = cfg_getbool(section, "trusted");
        const char *srtp = cfg_getstr(section, "srtp");
        peer->srtp = srtp != NULL ? (enum srtp_policy)srtp_policy_from_name(srtp) : s->srtp;
        unsigned addresses = cfg_size(section, "address");
        peer->addresses = calloc(addresses + 1, sizeof *peer->addresses);
        if (peer->addresses == NULL) {
            return ENOMEM;
        }
        for (unsigned k = 0; k < addresses; k++) {
            peer->addresses[peer->address_count++] = cfg_getnstr(section, "address", k);
        }
    }
    return 0;
}

static int numbers_fill(struct settings *s, cfg_t *cfg)
{
    unsigned count = cfg_size(cfg, "number");
    s->numbers = calloc(count + 1, sizeof *s->numbers);
    if (s->numbers == NULL) {
        return ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        cfg_t *section = cfg_getnsec(cfg, "number", i);
        s->numbers[s->number_count++] = (struct number_settings){
            .pattern = (char *)(uintptr_t)cfg_title(section),
            .application = cfg_getstr(section, "application"),
            .argument = cfg_getstr(section, "argument"),
            .line = section_line(section->line, section->name, cfg_title(section)),
        };
        const struct number_settings *row = &s->numbers[i];
        if (row->application != NULL && strcmp(row->application, "peer") == 0) {
            const struct peer_settings *peer = settings_peer_named(s, row->argument);
            if (peer == NULL || peer->uri == NULL) {
                complain_section(section, "number \"%s\": argument \"%s\" is no peer with a uri",
                                 row->pattern, row->argument);
            }
        }
    }
    return 0;
}

/* cfg_parse() would end the process over a folder, and tells nobody why a file cannot be opened. */
static int file_openable(const char *file)
{
    struct stat about;
    FILE *f = fopen(file, "r");
    if (f == NULL) {
        return errno;
    }
    int error = fstat(fileno(f), &about) != 0 ? errno : S_ISDIR(about.st_mode) ? EISDIR : 0;
    fclose(f);
    return error;
}

int settings_load(const struct settings **out, const char *file,
                  void (*complain_to)(const char *line, void *arg), void *arg)
{
    load.complain = complain_to;
    load.arg = arg;
    load.file = file;
    load.faults = 0;

    int error = file_openable(file);
    if (error != 0) {
        char text[COMPLAINT_TEXT];
        snprintf(text, sizeof text, "%s:0: %s", file, strerror(error));
        complain_to(text, arg);
        return error;
    }
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL) {
        return ENOMEM;
    }
    atomic_init(&held->references, 1);
    held->cfg = parser_new();
    if (held->cfg == NULL) {
        error = ENOMEM;
        goto out;
    }
    error = cfg_parse(held->cfg, file) == CFG_SUCCESS && load.faults == 0 ? 0 : EINVAL;
    if (error != 0) {
        goto out;
    }
    keys_fill(&held->s, held->cfg);
    error = peers_fill(&held->s, held->cfg);
    if (error == 0) {
        error = numbers_fill(&held->s, held->cfg);
    }
    if (error == 0) {
        error = links_fill(&held->s, held->cfg);
    }
    if (error == 0) {
        error = http_fill(&held->s, held->cfg);
    }
    if (error == 0) {
        error = menus_fill(&held->s, held->cfg);
    }
    if (error == 0) {
        error = keymaps_fill(&held->s, held->cfg);
    }
    if (error == 0 && load.faults > 0) {
        error = EINVAL;
    }
out:
    if (error != 0) {
        settings_free(&held->s);
        return error;
    }
    *out = &held->s;
    return 0;
}

const struct settings *settings_hold(const struct settings *s)
{
    atomic_fetch_add_explicit(&held_of(s)->references, 1, memory_order_relaxed);
    return s;
}

void settings_free(const struct settings *s)
{
    if (s == NULL) {
        return;
    }
    struct held *held = held_of(s);
    if (atomic_fetch_sub_explicit(&held->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < held->s.peer_count; i++) {
        free(held->s.peers[i].addresses);
    }
    free(held->s.peers);
    free(held->s.numbers);
    links_free(&held->s);
    free(held->s.http_cors);
    free(held->s.http_hosts);
    menus_free(&held->s);
    keymaps_free(&held->s);
    if (held->cfg != NULL) {
        cfg_free(held->cfg);
    }
    free(held);
}
