/* SPDX-License-Identifier: Apache-2.0 */
#include "classify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"
#include "text.h"

enum { SHOWN = 5 };

/* Lines of a text, the last of which may have no end. */
static int count_lines(const char *text, size_t bytes) {
    int count = bytes > 0 && text[bytes - 1] != '\n';
    for (size_t i = 0; i < bytes; i++) count += text[i] == '\n';
    return count;
}

/* Cuts the text into its lines. */
static void split(char *text, size_t bytes, char **lines) {
    for (char *at = text; at < text + bytes;) {
        char *end = memchr(at, '\n', (size_t)(text + bytes - at));
        char *next = end ? end + 1 : text + bytes;
        if (!end) end = text + bytes;
        if (end > at && end[-1] == '\r') end--;
        *end = 0;
        *lines++ = at;
        at = next;
    }
}

classes classes_open(const options *o, int count) {
    classes c = {.count = count, .shown = o->top ? o->top : SHOWN};
    if (o->top > count) fail("--top %d: the model has %d classes", o->top, count);
    if (c.shown > count) c.shown = count;
    if (!o->labels) return c;
    size_t bytes;
    uint8_t *data = file_read(o->labels, &bytes);
    c.text = memory(bytes + 1);
    memcpy(c.text, data, bytes);
    free(data);
    if (memchr(c.text, 0, bytes)) fail("%s: is no text; give the names of the classes, one a line", o->labels);
    int lines = count_lines(c.text, bytes);
    if (lines != count)
        fail("%s: has %d lines, the model has %d classes; give a name a line, in the order of the scores", o->labels,
             lines, count);
    c.names = memory((size_t)count * sizeof *c.names);
    split(c.text, bytes, c.names);
    return c;
}

void classes_head(void) { puts("image,rank,class,label,score"); }

/* Whether class a comes before class b; what is no number comes last. */
static bool is_before(const float *scores, int a, int b) {
    float x = isnan(scores[a]) ? -INFINITY : scores[a], y = isnan(scores[b]) ? -INFINITY : scores[b];
    return x > y || (x == y && a < b);
}

void classes_print(const classes *c, const char *name, const float *scores) {
    int *best = memory((size_t)c->shown * sizeof *best), found = 0;
    for (int i = 0; i < c->count; i++) {
        if (found == c->shown && !is_before(scores, i, best[found - 1])) continue;
        int at = found < c->shown ? found++ : found - 1;
        for (; at > 0 && is_before(scores, i, best[at - 1]); at--) best[at] = best[at - 1];
        best[at] = i;
    }
    for (int k = 0; k < found; k++) {
        print_field(name);
        printf(",%d,%d,", k + 1, best[k]);
        if (c->names) print_field(c->names[best[k]]);
        printf(",%.9g\n", (double)scores[best[k]]);
    }
    free(best);
}

void classes_close(classes *c) {
    free(c->names);
    free(c->text);
}
