/* SPDX-License-Identifier: Apache-2.0 */
#include "vote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"

/* In half pixels: whole numbers, of which no square is rounded. */
struct place {
    int64_t row, column;
};

vote_rule vote_parse(const char *text) {
    char *end;
    long needed = strtol(text, &end, 10), frames = 0;
    bool good = end != text && *end == '/' && !text[strspn(text, "0123456789/")];
    if (good) {
        const char *second = end + 1;
        frames = strtol(second, &end, 10);
        good = end != second && !*end;
    }
    if (!good || needed < 1 || needed > frames || frames > VOTE_MAX_FRAMES)
        fail("--vote %s: give M of N frames as M/N, M from 1 to N, N up to %d: 3/5", text, VOTE_MAX_FRAMES);
    return (vote_rule){(int)needed, (int)frames, VOTE_RADIUS};
}

static struct place middle_of(const target *t) {
    return (struct place){2 * (int64_t)t->top + t->height - 1, 2 * (int64_t)t->left + t->width - 1};
}

static int by_row(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* The first place whose row is not below `row`. */
static size_t first_from(const ballot *b, double row) {
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((double)b->places[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool votes(const ballot *b, struct place p, double reach) {
    for (size_t i = first_from(b, (double)p.row - reach); i < b->count; i++) {
        int64_t rows = b->places[i].row - p.row, columns = b->places[i].column - p.column;
        if ((double)rows > reach) return false;
        if ((double)(rows * rows + columns * columns) <= reach * reach) return true;
    }
    return false;
}

/* Puts this frame's ballot into the oldest one's place. */
static void remember(voter *v, struct place *here, size_t count) {
    int kept = v->rule.frames - 1;
    if (kept == 0) {
        free(here);
        return;
    }
    qsort(here, count, sizeof *here, by_row);
    free(v->before[v->oldest].places);
    v->before[v->oldest] = (ballot){here, count};
    v->oldest = (v->oldest + 1) % kept;
}

size_t voter_see(voter *v, target *found, size_t count) {
    struct place *here = memory(count * sizeof *here);
    double reach = 2 * v->rule.radius;
    size_t reported = 0;
    for (size_t i = 0; i < count; i++) {
        here[i] = middle_of(&found[i]);
        int yes = 1; /* this frame's own */
        for (int k = 0; k < v->rule.frames - 1; k++) yes += votes(&v->before[k], here[i], reach);
        if (yes >= v->rule.needed) found[reported++] = found[i];
    }
    remember(v, here, count);
    return reported;
}

void voter_close(voter *v) {
    for (int k = 0; k < v->rule.frames - 1; k++) free(v->before[k].places);
}
