/*
 * Asks the HTTP API of the server that the configuration describes. Whoever reads the token shows it to that
 * address alone: no proxy, no redirects.
 */
#include "core/ctl/ctl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_S 10L
#define ANSWER_MAX (64u << 20)

struct client {
    CURL *easy;
    char base[128]; /* "http://127.0.0.1:8080" */
    char authorization[256];
    char *answer;
    size_t length;
};

static size_t answer_take(char *bytes, size_t one, size_t count, void *arg)
{
    struct client *client = arg;
    char *longer =
        client->length + count < ANSWER_MAX ? realloc(client->answer, client->length + count + 1) : NULL;

    (void)one;
    if (longer == NULL) {
        return 0;
    }
    memcpy(longer + client->length, bytes, count);
    client->answer = longer;
    client->length += count;
    longer[client->length] = '\0';
    return count;
}

/* The first line of the file, which ought to be its only one. */
static bool token_read(struct client *client, const struct command *c)
{
    const char *path = c->token_file != NULL ? c->token_file : c->settings->http_token_file;
    char token[160] = "";
    FILE *file;

    if (path == NULL) {
        complain("whose token? Give --token-file FILE, or set http { token_file } in %s", c->file);
        return false;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        complain("the token in %s cannot be read: %s", path, strerror(errno));
        return false;
    }
    if (fgets(token, sizeof token, file) != NULL) {
        token[strcspn(token, " \r\n")] = '\0';
    }
    fclose(file);
    snprintf(client->authorization, sizeof client->authorization, "Authorization: Bearer %s", token);
    if (token[0] == '\0') {
        complain("%s holds no token", path);
        return false;
    }
    explicit_bzero(token, sizeof token);
    return true;
}

/* Who listens everywhere is asked at home. */
static void base_write(struct client *client, const struct settings *settings)
{
    const char *address = settings->http_address;
    const char *scheme = settings->http_certificate != NULL ? "https" : "http";

    if (strcmp(address, "0.0.0.0") == 0) {
        address = "127.0.0.1";
    } else if (strcmp(address, "::") == 0) {
        address = "::1";
    }
    snprintf(client->base, sizeof client->base, strchr(address, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u",
             scheme, address, settings->http_port);
}

static int options_set(const struct client *client, const struct settings *settings)
{
    int bad = curl_easy_setopt(client->easy, CURLOPT_PROTOCOLS_STR, "http,https");

    bad |= curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(client->easy, CURLOPT_TIMEOUT, WAIT_S);
    bad |= curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, answer_take);
    bad |= curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, (const void *)client);
    /* Asked by its address, it can show no name; it must show a certificate that its own file vouches for. */
    if (settings->http_certificate != NULL) {
        bad |= curl_easy_setopt(client->easy, CURLOPT_CAINFO, settings->http_certificate);
        bad |= curl_easy_setopt(client->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return bad;
}

struct client *client_new(const struct command *c)
{
    struct client *client;

    if (c->settings->http_port == 0) {
        complain("%s has http { port = 0 }: the server cannot be asked", c->file);
        return NULL;
    }
    client = calloc(1, sizeof *client);
    if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (client->easy = curl_easy_init()) == NULL || options_set(client, c->settings) != 0) {
        complain("libcurl cannot be used");
    } else if (token_read(client, c)) {
        base_write(client, c->settings);
        return client;
    }
    client_free(client);
    return NULL;
}

void client_free(struct client *client)
{
    if (client == NULL) {
        return;
    }
    curl_easy_cleanup(client->easy);
    curl_global_cleanup();
    free(client->answer);
    explicit_bzero(client, sizeof *client);
    free(client);
}

void client_path(struct client *client, char *out, size_t size, const char *before, const char *name,
                 const char *after)
{
    char *escaped = curl_easy_escape(client->easy, name, 0);

    snprintf(out, size, "/api/v1/%s%s%s", before, escaped != NULL ? escaped : "", after);
    curl_free(escaped);
}

/* One request; false after a complaint. */
static bool client_send(struct client *client, long *status, const char *method, const char *path,
                        const char *body)
{
    struct curl_slist *headers = curl_slist_append(NULL, client->authorization);
    struct curl_slist *longer =
        headers != NULL ? curl_slist_append(headers, "Content-Type: application/json") : NULL;
    char url[1024];
    int bad = longer == NULL;
    CURLcode result = CURLE_OUT_OF_MEMORY;

    snprintf(url, sizeof url, "%s%s", client->base, path);
    free(client->answer);
    client->answer = NULL;
    client->length = 0;
    bad |= curl_easy_setopt(client->easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, headers);
    if (body != NULL) {
        bad |= curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, body);
    } else {
        bad |= curl_easy_setopt(client->easy, CURLOPT_HTTPGET, 1L);
    }
    bad |= curl_easy_setopt(client->easy, CURLOPT_CUSTOMREQUEST, method);
    if (!bad) {
        result = curl_easy_perform(client->easy);
    }
    curl_slist_free_all(headers);
    if (result == CURLE_COULDNT_CONNECT) {
        complain("the server does not answer at %s: is it running?", client->base);
    } else if (result != CURLE_OK) {
        complain("the server at %s cannot be asked: %s", client->base, curl_easy_strerror(result));
    }
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, status);
    return result == CURLE_OK;
}

/* RFC 9457's detail, where there is one. */
static enum exit_code client_judge(const struct client *client, long status)
{
    json_t *problem;
    const char *detail;

    if (status >= 200 && status < 300) {
        return DONE;
    }
    problem = json_loadb(client->answer != NULL ? client->answer : "", client->length, 0, NULL);
    detail = json_word(problem, "detail");
    if (status == 401) {
        complain("the server does not know this token");
    } else {
        complain("the server refuses: %s (%ld)", *detail != '\0' ? detail : "it does not say why", status);
    }
    json_decref(problem);
    return status == 404 || status == 409 ? NOTHING : status == 400 ? USAGE : TROUBLE;
}

enum exit_code client_ask(struct client *client, json_t **out, const char *method, const char *path,
                          json_t *body)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    enum exit_code code = TROUBLE;
    long status = 0;

    json_decref(body);
    if (client_send(client, &status, method, path, text)) {
        code = client_judge(client, status);
    }
    free(text);
    if (out != NULL && code == DONE) {
        *out = client->length > 0 ? json_loadb(client->answer, client->length, 0, NULL) : NULL;
    }
    return code;
}

enum exit_code client_read(struct client *client, char **out, const char *path)
{
    long status = 0;
    enum exit_code code =
        client_send(client, &status, "GET", path, NULL) ? client_judge(client, status) : TROUBLE;

    if (code == DONE) {
        *out = client->answer;
        client->answer = NULL;
        client->length = 0;
    }
    return code;
}
