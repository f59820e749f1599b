/* SPDX-License-Identifier: Apache-2.0 */
/* Connected components in one pass: each pixel above the threshold joins those above and left of it, and what is
 * known of a component is added up as two of them meet. */
#include "detect.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"

enum { NONE = -1 };

typedef struct {
    int parent; /* itself, or another part of the same component */
    int top, left, bottom, right;
    double weight, rows, columns; /* sums over its pixels */
    float peak; /* the highest probability */
    long pixels;
} part;

typedef struct {
    part *parts;
    int count, room;
} parts;

static int root(part *all, int i) {
    while (all[i].parent != i) i = all[i].parent = all[all[i].parent].parent; /* halves the path */
    return i;
}

static int smaller(int a, int b) { return a < b ? a : b; }
static int larger(int a, int b) { return a > b ? a : b; }

static int join(part *all, int a, int b) {
    if (a == NONE) return b;
    a = root(all, a), b = root(all, b);
    if (a == b) return a;
    part *kept = &all[a], *gone = &all[b];
    kept->top = smaller(kept->top, gone->top), kept->left = smaller(kept->left, gone->left);
    kept->bottom = larger(kept->bottom, gone->bottom), kept->right = larger(kept->right, gone->right);
    kept->weight += gone->weight, kept->rows += gone->rows, kept->columns += gone->columns;
    if (gone->peak > kept->peak) kept->peak = gone->peak;
    kept->pixels += gone->pixels;
    gone->parent = a;
    return a;
}

static int begin(parts *p, int row, int column) {
    if (p->count == p->room) {
        int room = 2 * p->room + 64;
        part *more = memory((size_t)room * sizeof *more);
        if (p->count) memcpy(more, p->parts, (size_t)p->count * sizeof *more);
        free(p->parts);
        p->parts = more;
        p->room = room;
    }
    p->parts[p->count] = (part){.parent = p->count, .top = row, .left = column, .bottom = row, .right = column};
    return p->count++;
}

static void add(part *to, int row, int column, float probability) {
    to->bottom = larger(to->bottom, row);
    to->left = smaller(to->left, column), to->right = larger(to->right, column);
    to->weight += (double)probability, to->rows += (double)probability * row, to->columns += (double)probability * column;
    if (probability > to->peak) to->peak = probability;
    to->pixels++;
}

static int order(const void *a, const void *b) {
    const target *x = a, *y = b;
    if (x->top != y->top) return x->top < y->top ? -1 : 1;
    if (x->left != y->left) return x->left < y->left ? -1 : 1;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

size_t detect(const float *values, int height, int width, const answer *a, target **found) {
    parts p = {NULL, 0, 0};
    /* the parts of the row above and of this one, each with an empty column at both ends */
    size_t line = (size_t)width + 2;
    int *above = memory(2 * line * sizeof *above), *here = above + line, *both = above;
    for (size_t i = 0; i < 2 * line; i++) both[i] = NONE;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float value = values[(size_t)y * (size_t)width + (size_t)x];
            int *mine = &here[x + 1];
            *mine = NONE;
            if (!(value > a->threshold)) continue;
            int near[4] = {mine[-1], above[x], above[x + 1], above[x + 2]};
            for (int i = 0; i < 4; i++)
                if (near[i] != NONE) *mine = join(p.parts, *mine, near[i]);
            if (*mine == NONE) *mine = begin(&p, y, x);
            add(&p.parts[*mine = root(p.parts, *mine)], y, x, answer_probability(a, value));
        }
        int *swap = above;
        above = here;
        here = swap;
    }
    free(both);
    size_t count = 0;
    *found = memory((size_t)p.count * sizeof **found);
    for (int i = 0; i < p.count; i++) {
        part *c = &p.parts[i];
        if (c->parent != i) continue;
        (*found)[count++] = (target){c->top, c->left, c->bottom - c->top + 1, c->right - c->left + 1,
                                     c->rows / c->weight, c->columns / c->weight, answer_score(a, c->peak),
                                     c->pixels};
    }
    free(p.parts);
    qsort(*found, count, sizeof **found, order);
    return count;
}
