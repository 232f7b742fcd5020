/*
 * Digests of texts, in hexadecimal.
 *
 * Ownership: values. Threads: any. Failure: EIO when OpenSSL refuses MD5 (FIPS).
 */
#ifndef CONFAB_BASE_HASH_H
#define CONFAB_BASE_HASH_H

#define MD5_TEXT 33
#define SHA256_TEXT 65

__attribute__((warn_unused_result)) int md5_text(char out[MD5_TEXT], const char *text);
void sha256_text(char out[SHA256_TEXT], const char *text);

#endif
