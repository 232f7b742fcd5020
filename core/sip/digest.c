/* Digest: parsing and arithmetic. */
#include "core/sip/digest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Hashes the parts with ':' between them into hexadecimal digits. */
static int hash_parts(enum digest_algorithm algorithm, const char *const *parts, size_t count,
                      char out[DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    const EVP_MD *kind = algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_md5();
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context && EVP_DigestInit_ex(context, kind, NULL);

    for (size_t i = 0; good && i < count; i++)
        good = (i == 0 || EVP_DigestUpdate(context, ":", 1)) &&
               EVP_DigestUpdate(context, parts[i], strlen(parts[i]));
    good = good && EVP_DigestFinal_ex(context, hash, &length) && length * 2 < DIGEST_TEXT;
    EVP_MD_CTX_free(context);
    if (!good)
        return EIO;
    for (unsigned i = 0; i < length; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * length] = '\0';
    return 0;
}

int digest_ha1(enum digest_algorithm algorithm, const char *username, const char *realm, const char *password,
               char out[DIGEST_TEXT])
{
    const char *parts[] = {username, realm, password};

    return hash_parts(algorithm, parts, 3, out);
}

int digest_response(const struct digest_credentials *c, const char *ha1, const char *method,
                    char out[DIGEST_TEXT])
{
    char ha2[DIGEST_TEXT];
    const char *request[] = {method, c->uri};
    const char *all[] = {ha1, c->nonce, c->nc_text, c->cnonce, "auth", ha2};
    int error = hash_parts(c->algorithm, request, 2, ha2);

    return error ? error : hash_parts(c->algorithm, all, 6, out);
}

bool digest_equal(const char *a, const char *b)
{
    size_t length = strlen(a);

    return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

/*
 * Copies a value without its quotes. What is inside stays as it was written, backslashes too: the sender
 * hashed what he wrote, and no name of ours has a character that needs one.
 */
static int value_copy(char *out, size_t size, const char *value)
{
    size_t length = strlen(value);

    if (value[0] == '"') {
        if (length < 2 || value[length - 1] != '"')
            return EINVAL;
        value++;
        length -= 2;
    }
    if (length >= size)
        return EINVAL;
    memcpy(out, value, length);
    out[length] = '\0';
    return 0;
}

/* RFC 7616 §3.4: nc is eight hexadecimal digits. */
static int nonce_count_read(struct digest_credentials *out, const char *value)
{
    if (value_copy(out->nc_text, sizeof out->nc_text, value) != 0 || strlen(out->nc_text) != 8)
        return EINVAL;
    for (const char *p = out->nc_text; *p; p++)
        if (!isxdigit((unsigned char)*p))
            return EINVAL;
    out->nc = (uint32_t)strtoul(out->nc_text, NULL, 16);
    return 0;
}

static int algorithm_read(struct digest_credentials *out, const char *value)
{
    char name[32];

    if (value_copy(name, sizeof name, value) != 0)
        return EINVAL;
    if (strcasecmp(name, "MD5") == 0)
        out->algorithm = DIGEST_MD5;
    else if (strcasecmp(name, "SHA-256") == 0)
        out->algorithm = DIGEST_SHA256;
    else
        return EINVAL;
    return 0;
}

static int response_read(struct digest_credentials *out, const char *value)
{
    int error = value_copy(out->response, sizeof out->response, value);

    /* RFC 7616 §3.4 wants lower case; some send capitals. */
    for (char *p = out->response; error == 0 && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return error;
}

static int qop_read(bool *seen, const char *value)
{
    char qop[16];

    *seen = value_copy(qop, sizeof qop, value) == 0 && strcasecmp(qop, "auth") == 0;
    return *seen ? 0 : EINVAL;
}

/* The value of `param` when its name is `name`, else NULL. */
static const char *param_value(const char *param, const char *name)
{
    size_t length = strlen(name);

    if (strncasecmp(param, name, length) != 0)
        return NULL;
    param += length + strspn(param + length, " \t");
    return *param == '=' ? param + 1 + strspn(param + 1, " \t") : NULL;
}

int digest_parse(struct digest_credentials *out, const char *const *params)
{
    bool qop = false;
    int error = 0;

    memset(out, 0, sizeof *out);
    for (; params && *params && error == 0; params++) {
        const char *value;

        if ((value = param_value(*params, "username")))
            error = value_copy(out->username, sizeof out->username, value);
        else if ((value = param_value(*params, "realm")))
            error = value_copy(out->realm, sizeof out->realm, value);
        else if ((value = param_value(*params, "nonce")))
            error = value_copy(out->nonce, sizeof out->nonce, value);
        else if ((value = param_value(*params, "uri")))
            error = value_copy(out->uri, sizeof out->uri, value);
        else if ((value = param_value(*params, "response")))
            error = response_read(out, value);
        else if ((value = param_value(*params, "cnonce")))
            error = value_copy(out->cnonce, sizeof out->cnonce, value);
        else if ((value = param_value(*params, "nc")))
            error = nonce_count_read(out, value);
        else if ((value = param_value(*params, "algorithm")))
            error = algorithm_read(out, value);
        else if ((value = param_value(*params, "qop")))
            error = qop_read(&qop, value);
    }
    if (error || !qop || !out->username[0] || !out->nonce[0] || !out->uri[0] || !out->response[0] ||
        !out->cnonce[0] || !out->nc_text[0])
        return EINVAL;
    return 0;
}

/* -- as a client ----------------------------------------------------------------------------------------- */

/* RFC 7616 §3.3: a list in quotes, of which we know one. */
static bool qop_offers_auth(const char *value)
{
    for (const char *p = value; *p;) {
        size_t separators = strspn(p, "\", \t"), length = strcspn(p + separators, "\", \t");

        p += separators;
        if (length == 4 && strncasecmp(p, "auth", 4) == 0)
            return true;
        p += length;
    }
    return false;
}

static int challenge_algorithm(struct digest_challenge *out, const char *value)
{
    struct digest_credentials c;
    int error = algorithm_read(&c, value);

    if (!error)
        out->algorithm = c.algorithm;
    return error;
}

int digest_challenge_parse(struct digest_challenge *out, const char *const *params)
{
    bool realm = false;
    int error = 0;

    memset(out, 0, sizeof *out);
    for (; params && *params && error == 0; params++) {
        const char *value;

        if ((value = param_value(*params, "realm"))) {
            error = value_copy(out->realm, sizeof out->realm, value);
            realm = true;
        } else if ((value = param_value(*params, "nonce")))
            error = value_copy(out->nonce, sizeof out->nonce, value);
        else if ((value = param_value(*params, "opaque")))
            error = value_copy(out->opaque, sizeof out->opaque, value);
        else if ((value = param_value(*params, "algorithm")))
            error = challenge_algorithm(out, value);
        else if ((value = param_value(*params, "stale")))
            out->stale = strcasecmp(value, "true") == 0 || strcasecmp(value, "\"true\"") == 0;
        else if ((value = param_value(*params, "qop"))) {
            out->qop = qop_offers_auth(value);
            error = out->qop ? 0 : EINVAL;
        }
    }
    return error ? error : realm && *out->nonce ? 0 : EINVAL;
}

int digest_next_nonce(char *out, size_t size, const char *const *params)
{
    for (; params && *params; params++) {
        const char *value = param_value(*params, "nextnonce");

        if (value)
            return value_copy(out, size, value) == 0 && *out ? 0 : ENOENT;
    }
    return ENOENT;
}

int digest_answer(const struct digest_challenge *c, const char *user, const char *password,
                  const char *method, const char *uri, const char *cnonce, uint32_t nc,
                  char out[DIGEST_ANSWER_TEXT])
{
    char ha1[DIGEST_TEXT], ha2[DIGEST_TEXT], response[DIGEST_TEXT], count[9], counted[128] = "";
    const char *request[] = {method, uri};
    const char *with[] = {ha1, c->nonce, count, cnonce, "auth", ha2}, *without[] = {ha1, c->nonce, ha2};
    int error = digest_ha1(c->algorithm, user, c->realm, password, ha1);

    snprintf(count, sizeof count, "%08x", nc);
    if (!error)
        error = hash_parts(c->algorithm, request, 2, ha2);
    if (!error)
        error = c->qop ? hash_parts(c->algorithm, with, 6, response)
                       : hash_parts(c->algorithm, without, 3, response);
    OPENSSL_cleanse(ha1, sizeof ha1);
    if (error)
        return error;
    if (c->qop && snprintf(counted, sizeof counted, ", qop=auth, nc=%s, cnonce=\"%s\"", count, cnonce) >=
                      (int)sizeof counted)
        return ENOSPC;
    return snprintf(out, DIGEST_ANSWER_TEXT,
                    "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
                    "algorithm=%s%s%s%s%s",
                    user, c->realm, c->nonce, uri, response, c->algorithm == DIGEST_MD5 ? "MD5" : "SHA-256",
                    counted, *c->opaque ? ", opaque=\"" : "", c->opaque,
                    *c->opaque ? "\"" : "") < DIGEST_ANSWER_TEXT
               ? 0
               : ENOSPC;
}
