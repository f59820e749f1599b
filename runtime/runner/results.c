/* SPDX-License-Identifier: Apache-2.0 */
#include "results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"
#include "text.h"

void results_check(const options *o) {
    if (o->mask && !ends_with(o->mask, ".pgm")) fail("%s: a mask is written as PGM; name it .pgm", o->mask);
    if (o->probability && !ends_with(o->probability, ".pgm") && !ends_with(o->probability, ".f32"))
        fail("%s: unknown form of probability map; name it .pgm or .f32", o->probability);
    for (int i = 0; i < 2; i++) {
        const char *output = i ? o->probability : o->mask;
        if (output && output_same(output, o->image)) fail("%s: is the image itself; give another output name", output);
    }
    if (o->mask && o->probability && output_same(o->mask, o->probability))
        fail("%s: is named for both outputs; give two names", o->mask);
}

static uint8_t level(float probability) { /* 0..1 to 0..255, rounded; NaN is 0 */
    if (!(probability > 0.0f)) return 0;
    return probability >= 1.0f ? 255 : (uint8_t)(probability * 255.0f + 0.5f);
}

static void write_pgm(const char *path, const uint8_t *pixels, int height, int width) {
    char head[64];
    size_t head_bytes = (size_t)snprintf(head, sizeof head, "P5\n%d %d\n255\n", width, height);
    size_t bytes = (size_t)height * (size_t)width;
    uint8_t *file = memory(head_bytes + bytes);
    memcpy(file, head, head_bytes);
    memcpy(file + head_bytes, pixels, bytes);
    output_write(path, file, head_bytes + bytes);
    free(file);
}

void results_head(void) { puts("image,top,left,height,width,row,column,score,pixels"); }

void results_targets(const char *name, const target *found, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const target *t = &found[i];
        print_field(name);
        printf(",%d,%d,%d,%d,%.9g,%.9g,%.9g,%ld\n", t->top, t->left, t->height, t->width, t->row, t->column,
               (double)t->score, t->pixels);
    }
}

/* A file of float32 probabilities, or of their levels in 8 bits in `grey`. */
static void write_probability(const char *path, const float *values, int height, int width, const answer *a,
                              uint8_t *grey) {
    size_t pixels = (size_t)height * (size_t)width;
    if (ends_with(path, ".f32")) {
        float *probability = memory(pixels * sizeof *probability);
        for (size_t i = 0; i < pixels; i++) probability[i] = answer_probability(a, values[i]);
        output_write(path, probability, pixels * sizeof *probability);
        free(probability);
        return;
    }
    for (size_t i = 0; i < pixels; i++) grey[i] = level(answer_probability(a, values[i]));
    write_pgm(path, grey, height, width);
}

long results_write(const options *o, const float *values, int height, int width, const answer *a) {
    size_t pixels = (size_t)height * (size_t)width;
    uint8_t *grey = memory(pixels);
    long targets = 0;
    for (size_t i = 0; i < pixels; i++) {
        bool target = values[i] > a->threshold;
        grey[i] = target ? 255 : 0;
        targets += target;
    }
    if (o->mask) write_pgm(o->mask, grey, height, width);
    if (o->probability) write_probability(o->probability, values, height, width, a, grey);
    free(grey);
    outputs_commit();
    return targets;
}
