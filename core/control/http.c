/*
 * libmicrohttpd: one thread polls all connections. It reads a request to its end, finds its route, parses its
 * body, suspends the connection and hands the request over; once it has been answered, it sends the answer.
 * A slow client keeps nobody waiting: no thread waits for one.
 */
#include "core/control/files.h"
#include "core/control/http.h"
#include "core/control/wav.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define CONNECTIONS_EACH 128 /* of one address: a proxy's, too */
#define FILE_MAX (1 << 20)   /* bytes of a certificate */
#define IDLE_S 30            /* for the next byte of a request, or until an answer's next one is taken */
#define HEADERS_BYTES 32768  /* a connection's memory: request line and headers; more gets 414 or 431 */
#define EVENTS_BLOCK 16384
#define EXCESS_MAX (8u << 20) /* of a body that is too long: read so that the answer is, then cut off */

struct http {
    struct MHD_Daemon *daemon;
    struct control *control; /* only carried */
    struct queue *requests;  /* of struct exchange *, to the signalling thread */
    struct files *files;     /* the console's */
    pthread_mutex_t mutex;   /* of the next two */
    bool closed;             /* no request is handed over any more */
    const struct settings *settings;
};

/* -- what a request says ------------------------------------------------------------------------------ */

static enum MHD_Result query_read(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct exchange *exchange = arg;
    char *name = strdup(key), *text = strdup(value != NULL ? value : "");

    (void)kind;
    if (name != NULL && text != NULL) {
        MHD_http_unescape(name);
        MHD_http_unescape(text);
        json_object_set_new(exchange->query, name, json_string(text)); /* not what is no UTF-8 */
    }
    free(name);
    free(text);
    return MHD_YES;
}

static const char *header(struct exchange *exchange, const char *name)
{
    const char *value = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);

    return value != NULL ? value : "";
}

/* RFC 6750 §2.1. */
static void secret_read(struct exchange *exchange)
{
    const char *authorization = header(exchange, "Authorization");
    const char *cookie = MHD_lookup_connection_value(exchange->connection, MHD_COOKIE_KIND, SESSION_COOKIE);

    if (strncasecmp(authorization, "Bearer ", 7) == 0)
        snprintf(exchange->secret, sizeof exchange->secret, "%s", strchr(authorization, ' ') + 1);
    if (cookie != NULL && strlen(cookie) < SECRET_TEXT)
        strcpy(exchange->cookie, cookie);
}

static void address_read(struct exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info != NULL ? info->client_addr : NULL;

    if (from != NULL && from->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr, exchange->address,
                  sizeof exchange->address);
    else if (from != NULL && from->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, exchange->address,
                  sizeof exchange->address);
}

static void fault(struct exchange *exchange, unsigned status, const char *member, const char *detail)
{
    answer_problem(&exchange->answer, status, member, detail);
}

/* Without the port, and without the brackets of an IPv6 address. */
static void host_name(char *out, size_t size, const char *host)
{
    const char *begin = *host == '[' ? host + 1 : host;
    size_t length = strcspn(begin, *host == '[' ? "]" : ":");

    snprintf(out, size, "%.*s", (int)length, begin);
}

static bool address_is_literal(const char *text)
{
    struct in6_addr bits;

    return inet_pton(AF_INET, text, &bits) == 1 || inet_pton(AF_INET6, text, &bits) == 1;
}

/* Whose pages may read what we answer (the Fetch standard's CORS). */
static bool origin_is_welcome(struct exchange *exchange)
{
    struct http *http = exchange->http;
    bool welcome = false;

    pthread_mutex_lock(&http->mutex);
    for (size_t i = 0; i < http->settings->http_cors_count; i++)
        welcome = welcome || strcmp(http->settings->http_cors[i], exchange->origin) == 0;
    pthread_mutex_unlock(&http->mutex);
    return welcome && *exchange->origin != '\0';
}

/* A page whose name its owner turned into our address (DNS rebinding) names itself here, and would be of our
 * own origin for the browser. Programs that watch may call us as they like: no page gains from what they see.
 */
static bool host_is_ours(struct exchange *exchange)
{
    static const char *const watched[] = {"/health", "/ready", "/metrics"};
    struct http *http = exchange->http;
    char name[HEADER_TEXT];
    bool ours;

    host_name(name, sizeof name, exchange->host);
    ours = *name == '\0' || strcasecmp(name, "localhost") == 0 || address_is_literal(name);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
        ours = ours || strcmp(exchange->path, watched[i]) == 0;
    pthread_mutex_lock(&http->mutex);
    for (size_t i = 0; i < http->settings->http_host_count; i++)
        ours = ours || strcasecmp(http->settings->http_hosts[i], name) == 0;
    pthread_mutex_unlock(&http->mutex);
    return ours;
}

static void options_answer(struct exchange *exchange, const char *allow)
{
    exchange->answer.status = 204;
    answer_header(&exchange->answer, "Allow", "%s, OPTIONS", allow);
    if (origin_is_welcome(exchange)) {
        answer_header(&exchange->answer, "Access-Control-Allow-Methods", "%s", allow);
        answer_header(&exchange->answer, "Access-Control-Allow-Headers",
                      "Authorization, Content-Type, Last-Event-ID, Range");
        answer_header(&exchange->answer, "Access-Control-Max-Age", "%d", 600);
    }
}

static size_t body_most(const struct exchange *exchange)
{
    return exchange->route->body == BODY_SOUND ? SOUND_MAX : BODY_MAX;
}

static void body_too_long(struct exchange *exchange)
{
    fault(exchange, 413, NULL,
          exchange->route->body == BODY_SOUND ? "A sound may have six MiB." : "A body may have 16 KiB.");
}

/* What can be said before the body has come. */
static void exchange_route(struct exchange *exchange)
{
    char allow[64];
    int error = route_find(&exchange->route, &exchange->params, exchange->method, exchange->path, allow,
                           sizeof allow);

    if (!host_is_ours(exchange)) {
        fault(exchange, 421, NULL, "Under this name there is nothing here: see http { host }.");
    } else if (error == EPERM && strcmp(exchange->method, "OPTIONS") == 0) {
        options_answer(exchange, allow);
    } else if (error == EPERM) {
        fault(exchange, 405, NULL, "This cannot be done with it.");
        answer_header(&exchange->answer, "Allow", "%s, OPTIONS", allow);
    } else if (error) {
        if (!files_answer(exchange->http->files, exchange->method, exchange->path,
                          header(exchange, "If-None-Match"), &exchange->answer))
            fault(exchange, 404, NULL, "There is nothing of that name.");
    } else {
        uint64_t length = strtoull(header(exchange, "Content-Length"), NULL, 10);

        if (exchange->route->access != ACCESS_OPEN && *exchange->secret == '\0' &&
            *exchange->cookie == '\0') {
            fault(exchange, 401, NULL, "A token or a session is needed.");
            answer_header(&exchange->answer, "WWW-Authenticate", "Bearer realm=\"confab\"");
        } else if (length > (exchange->route->body == BODY_NONE ? EXCESS_MAX : body_most(exchange))) {
            body_too_long(exchange);
        }
        exchange->excess = length > EXCESS_MAX ? EXCESS_MAX : 0;
    }
}

static struct exchange *exchange_new(struct http *http, struct MHD_Connection *connection, const char *url,
                                     const char *method)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (exchange == NULL)
        return NULL;
    exchange->http = http;
    exchange->control = http->control;
    exchange->connection = connection;
    exchange->path = strdup(url);
    exchange->query = json_object();
    if (exchange->path == NULL || exchange->query == NULL) {
        exchange_free(exchange);
        return NULL;
    }
    snprintf(exchange->method, sizeof exchange->method, "%s", method);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, query_read, exchange);
    snprintf(exchange->last_event, sizeof exchange->last_event, "%s", header(exchange, "Last-Event-ID"));
    snprintf(exchange->origin, sizeof exchange->origin, "%s", header(exchange, "Origin"));
    snprintf(exchange->host, sizeof exchange->host, "%s", header(exchange, "Host"));
    secret_read(exchange);
    address_read(exchange);
    exchange_route(exchange);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    /* Who has gone before he had his answer fetches nothing. */
    if (exchange->answer.path != NULL && !exchange->answer.kept)
        (void)unlink(exchange->answer.path);
    if (exchange->sound != NULL)
        (void)unlink(exchange->sound);
    if (exchange->answer.stream != NULL)
        stream_release(exchange->answer.stream);
    answer_free(&exchange->answer);
    explicit_bzero(exchange->secret, sizeof exchange->secret);
    explicit_bzero(exchange->cookie, sizeof exchange->cookie);
    if (exchange->raw != NULL)
        explicit_bzero(exchange->raw, exchange->raw_length); /* a PIN, perhaps */
    json_decref(exchange->query);
    json_decref(exchange->body);
    free(exchange->raw);
    free(exchange->sound);
    free(exchange->state);
    free(exchange->path);
    free(exchange);
}

/* -- its body ----------------------------------------------------------------------------------------- */

static void body_take(struct exchange *exchange, const char *data, size_t length)
{
    char *longer;

    /* Read to its end, and thrown away. */
    if (exchange->answer.status != 0 || exchange->route->body == BODY_NONE) {
        exchange->excess += length;
        return;
    }
    if (exchange->raw_length + length > body_most(exchange)) {
        body_too_long(exchange);
        return;
    }
    longer = realloc(exchange->raw, exchange->raw_length + length);
    if (longer == NULL) {
        fault(exchange, 503, NULL, "There is no memory for it.");
        return;
    }
    exchange->raw = longer;
    memcpy(longer + exchange->raw_length, data, length);
    exchange->raw_length += length;
}

/* Written here, for the signalling thread never waits for a disk; storage takes it from there. */
static void sound_keep(struct exchange *exchange)
{
    char path[512];
    int error = wav_judge((const unsigned char *)exchange->raw, exchange->raw_length);

    if (error) {
        fault(exchange, error == EFBIG ? 413 : 400, NULL,
              error == EFBIG ? "A greeting may last three minutes."
                             : "The body is to be WAV: 16 bit, one channel, 8 to 48 kHz.");
        return;
    }
    pthread_mutex_lock(&exchange->http->mutex);
    snprintf(path, sizeof path, "%s/upload-XXXXXX", exchange->http->settings->cache_dir);
    pthread_mutex_unlock(&exchange->http->mutex);
    error = wav_keep(path, exchange->raw, exchange->raw_length);
    exchange->sound = error ? NULL : strdup(path);
    if (exchange->sound == NULL)
        fault(exchange, 503, NULL, "The sound cannot be kept.");
}

static void body_parse(struct exchange *exchange)
{
    const char *type = header(exchange, "Content-Type");
    size_t length = strcspn(type, "; \t");
    json_error_t error;
    char detail[JSON_ERROR_TEXT_LENGTH + 64];

    if (exchange->route->body == BODY_SOUND) {
        sound_keep(exchange);
        return;
    }
    if (exchange->route->body == BODY_NONE || exchange->raw_length == 0)
        return;
    if (length != 16 || strncasecmp(type, "application/json", 16) != 0) {
        fault(exchange, 415, NULL, "The body is to be application/json.");
        return;
    }
    exchange->body = json_loadb(exchange->raw, exchange->raw_length, JSON_REJECT_DUPLICATES, &error);
    if (exchange->body == NULL) {
        /* Without what stood there: it may be a PIN. */
        snprintf(detail, sizeof detail, "The body is no JSON: see line %d, column %d.", error.line,
                 error.column);
        fault(exchange, 400, NULL, detail);
    } else if (!json_is_object(exchange->body)) {
        fault(exchange, 400, NULL, "The body is to be a JSON object.");
    }
}

/* -- the answer --------------------------------------------------------------------------------------- */

static ssize_t stream_give(void *arg, uint64_t at, char *out, size_t size)
{
    long given = stream_read(arg, out, size);

    (void)at;
    return given < 0 ? MHD_CONTENT_READER_END_OF_STREAM : given;
}

static void stream_end(void *arg)
{
    stream_release(arg);
}

/* "bytes=FIRST-LAST", one range (RFC 9110 §14.1.2), of what has at least one byte. False: there is none that
 * we know, and the two stay as they are; then all is sent. */
bool range_read(const char *text, uint64_t size, uint64_t *first, uint64_t *last)
{
    uint64_t from = 0, to = size - 1;
    const char *digits = "0123456789";
    size_t length;

    if (strncmp(text, "bytes=", 6) != 0)
        return false;
    text += 6;
    length = strspn(text, digits);
    if (text[length] != '-' || text[length + 1 + strspn(text + length + 1, digits)] != '\0')
        return false;
    if (length == 0 && text[1] == '\0')
        return false;
    if (length == 0) { /* so many at the end; none of them is beyond it */
        uint64_t count = strtoull(text + 1, NULL, 10);

        from = count == 0 ? size : count < size ? size - count : 0;
    } else {
        from = strtoull(text, NULL, 10);
        if (text[length + 1] != '\0')
            to = strtoull(text + length + 1, NULL, 10);
        if (text[length + 1] != '\0' && to < from)
            return false;
    }
    *first = from;
    *last = to < size ? to : size - 1;
    return true;
}

/* The file is gone as soon as it is open, unless it is kept. A link in a folder of recordings leads nowhere.
 */
static struct MHD_Response *file_response(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    uint64_t first = 0, last;
    struct stat about;
    int fd = open(answer->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool missing = fd < 0 && answer->kept;

    if (!answer->kept)
        (void)unlink(answer->path);
    free(answer->path);
    answer->path = NULL;
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) {
        if (fd >= 0)
            close(fd);
        fault(exchange, missing ? 404 : 500, NULL,
              missing ? "There is nothing of that name." : "The file cannot be read.");
        return NULL;
    }
    answer_header(answer, "Accept-Ranges", "bytes");
    last = (uint64_t)about.st_size - 1;
    if (range_read(header(exchange, "Range"), (uint64_t)about.st_size, &first, &last)) {
        if (first >= (uint64_t)about.st_size) {
            close(fd);
            fault(exchange, 416, NULL, "The file is not as long as that.");
            answer_header(answer, "Content-Range", "bytes */%lld", (long long)about.st_size);
            return NULL;
        }
        answer->status = 206;
        answer_header(answer, "Content-Range", "bytes %llu-%llu/%lld", (unsigned long long)first,
                      (unsigned long long)last, (long long)about.st_size);
    }
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(last - first + 1, fd, first);
    if (response == NULL)
        close(fd);
    return response;
}

static struct MHD_Response *text_response(struct answer *answer)
{
    char *text = answer->text;

    answer->text = NULL;
    if (text == NULL && answer->json != NULL)
        text = json_dumps(answer->json, JSON_COMPACT);
    if (text == NULL)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
}

static struct MHD_Response *response_new(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    struct MHD_Response *response = NULL;

    if (answer->stream != NULL) {
        stream_attach(answer->stream, exchange->connection);
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENTS_BLOCK, stream_give,
                                                     answer->stream, stream_end);
        if (response == NULL)
            stream_release(answer->stream);
        answer->stream = NULL;
        return response;
    }
    if (answer->path != NULL)
        response = file_response(exchange);
    return response != NULL ? response : text_response(answer);
}

static enum MHD_Result answer_send(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    struct MHD_Response *response = response_new(exchange);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO; /* no memory: the connection closes */
    if (answer->type != NULL)
        MHD_add_response_header(response, "Content-Type", answer->type);
    MHD_add_response_header(response, "Cache-Control", answer->may_be_kept ? "no-cache" : "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (origin_is_welcome(exchange)) {
        MHD_add_response_header(response, "Access-Control-Allow-Origin", exchange->origin);
        MHD_add_response_header(response, "Access-Control-Expose-Headers",
                                "Retry-After, Location, Content-Range");
    }
    MHD_add_response_header(response, "Vary", "Origin");
    for (unsigned i = 0; i < HEADERS_MAX && answer->headers[i].name != NULL; i++)
        MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    result = MHD_queue_response(exchange->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* -- libmicrohttpd's calls ---------------------------------------------------------------------------- */

/* Once suspended it is the signalling thread's, and may be answered before this has returned. */
static void exchange_submit(struct exchange *exchange)
{
    struct http *http = exchange->http;

    exchange->submitted = true;
    pthread_mutex_lock(&http->mutex);
    if (http->closed) {
        fault(exchange, 503, NULL, "The server is being stopped.");
    } else {
        MHD_suspend_connection(exchange->connection);
        if (queue_push(http->requests, &exchange) != 0) {
            fault(exchange, 503, NULL, "Too many requests wait.");
            answer_header(&exchange->answer, "Retry-After", "%d", 1);
            MHD_resume_connection(exchange->connection);
        }
    }
    pthread_mutex_unlock(&http->mutex);
}

void http_resume(struct exchange *exchange)
{
    MHD_resume_connection(exchange->connection);
}

/* Once with the headers, then with each piece of the body, then without one, and again when it was answered.
 */
static enum MHD_Result request_came(void *arg, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data, size_t *length,
                                    void **context)
{
    struct exchange *exchange = *context;

    (void)version;
    if (exchange == NULL) {
        exchange = exchange_new(arg, connection, url, method);
        *context = exchange;
        if (exchange == NULL)
            return MHD_NO;
        return exchange->excess >= EXCESS_MAX ? answer_send(exchange) : MHD_YES; /* who promises too much */
    }
    if (*length > 0) {
        body_take(exchange, data, *length);
        *length = 0;
        return exchange->excess < EXCESS_MAX ? MHD_YES : MHD_NO;
    }
    if (exchange->answer.status == 0 && !exchange->submitted)
        body_parse(exchange);
    if (exchange->answer.status == 0) {
        exchange_submit(exchange);
        return MHD_YES;
    }
    return answer_send(exchange);
}

static void request_over(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    if (*context != NULL)
        exchange_free(*context);
    *context = NULL;
}

/* Paths keep their escapes: an escaped slash is part of a name. (Values of the query do so, too.) */
static size_t path_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static void daemon_complained(void *arg, const char *format, va_list args)
{
    char text[256];

    (void)arg;
    vsnprintf(text, sizeof text, format, args);
    log_event(LEVEL_DEBUG, "http", NULL, "library text=\"%s\"", text);
}

/* -- start and stop ----------------------------------------------------------------------------------- */

/* A PEM file; *out is the caller's. */
static int file_read(char **out, const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, FILE_MAX);
    size_t length = file != NULL && text != NULL ? fread(text, 1, FILE_MAX - 1, file) : 0;

    if (file != NULL)
        fclose(file);
    if (length == 0) {
        free(text);
        log_event(LEVEL_ERROR, "http", NULL, "file-unreadable file=%s", path);
        return EINVAL;
    }
    *out = text;
    return 0;
}

static int address_find(const struct settings *settings, struct sockaddr_storage *out)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
    char port[16];

    snprintf(port, sizeof port, "%u", settings->http_port);
    if (getaddrinfo(settings->http_address, port, &hints, &found) != 0)
        return EINVAL;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

static int daemon_start(struct http *http, const struct sockaddr_storage *address, char *certificate,
                        char *key)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
                                   {MHD_OPTION_END, 0, NULL}};

    flags |= certificate != NULL ? MHD_USE_TLS : 0;
    flags |= address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    errno = 0;
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_came, http, MHD_OPTION_EXTERNAL_LOGGER, daemon_complained, NULL,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_NOTIFY_COMPLETED, request_over, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, path_unescape, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_EACH,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADERS_BYTES, certificate != NULL ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls, MHD_OPTION_END);
    if (http->daemon != NULL)
        return 0;
    return errno != 0 ? errno : EINVAL;
}

int http_start(struct http **out, struct control *control, struct queue *requests)
{
    const struct settings *settings = control->settings;
    char *certificate = NULL, *key = NULL;
    struct sockaddr_storage address;
    struct http *http = calloc(1, sizeof *http);
    int error;

    if (http == NULL)
        return ENOMEM;
    http->control = control;
    http->requests = requests;
    http->settings = settings_hold(settings);
    pthread_mutex_init(&http->mutex, NULL);
    error = address_find(settings, &address);
    if (!error)
        error = files_read(&http->files, settings->http_web);
    if (!error && settings->http_certificate != NULL) {
        error = file_read(&certificate, settings->http_certificate);
        if (!error)
            error = file_read(&key, settings->http_key);
    }
    if (!error)
        error = daemon_start(http, &address, certificate, key);
    free(certificate);
    if (key != NULL)
        explicit_bzero(key, strlen(key));
    free(key);
    if (error) {
        http_stop(http);
        return error;
    }
    *out = http;
    return 0;
}

void http_set_origins(struct http *http, const struct settings *settings)
{
    const struct settings *old;

    pthread_mutex_lock(&http->mutex);
    old = http->settings;
    http->settings = settings_hold(settings);
    pthread_mutex_unlock(&http->mutex);
    settings_free(old);
}

void http_close(struct http *http)
{
    pthread_mutex_lock(&http->mutex);
    http->closed = true;
    pthread_mutex_unlock(&http->mutex);
}

void http_stop(struct http *http)
{
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    files_free(http->files);
    settings_free(http->settings);
    pthread_mutex_destroy(&http->mutex);
    free(http);
}
