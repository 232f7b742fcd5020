/*
 * Objects by number: ports to legs, tickets to those who wait for replies.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdlib.h>

struct table_entry {
    struct table_entry *next;
    uint64_t key;
    void *value;
};

int table_put(struct table *table, uint64_t key, void *value)
{
    struct table_entry **bucket = &table->buckets[key % TABLE_BUCKETS];
    struct table_entry *entry = malloc(sizeof *entry);

    if (!entry)
        return ENOMEM;
    *entry = (struct table_entry){.next = *bucket, .key = key, .value = value};
    *bucket = entry;
    table->count++;
    return 0;
}

void *table_get(const struct table *table, uint64_t key)
{
    const struct table_entry *entry = table->buckets[key % TABLE_BUCKETS];

    while (entry && entry->key != key)
        entry = entry->next;
    return entry ? entry->value : NULL;
}

void table_remove(struct table *table, uint64_t key)
{
    struct table_entry **place = &table->buckets[key % TABLE_BUCKETS];

    while (*place && (*place)->key != key)
        place = &(*place)->next;
    if (*place) {
        struct table_entry *entry = *place;

        *place = entry->next;
        free(entry);
        table->count--;
    }
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < TABLE_BUCKETS; i++)
        while (table->buckets[i])
            table_remove(table, table->buckets[i]->key);
}
