/* SPDX-License-Identifier: Apache-2.0 */
#include "levels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "file.h"
#include "image.h"

#define WHITE 255.0
#define FEW 8.0           /* grey levels: frames that all span less than that are said to */
#define DEEP_SHARE 0.25   /* of full scale: deep frames that all stay below are said to */
#define FORM "give LOW:HIGH in the sensor's counts, for example 7000:9000, or percentiles, for example 1%:99%"

static double bound(const char *text, size_t length, bool *percent, const char *whole) {
    char number[64], *end;
    *percent = length > 0 && text[length - 1] == '%';
    if (*percent) length--;
    double value = 0;
    /* strtod knows hexadecimal digits and words, too */
    bool good = length > 0 && length < sizeof number && strspn(text, "0123456789.+-eE") >= length;
    if (good) {
        memcpy(number, text, length);
        number[length] = 0;
        value = strtod(number, &end);
        good = !*end && isfinite(value) && (!*percent || (value >= 0 && value <= 100));
    }
    if (!good) fail("--levels %s: %s", whole, FORM);
    return value;
}

levels levels_parse(const char *text) {
    const char *colon = strchr(text, ':');
    if (!colon || strchr(colon + 1, ':')) fail("--levels %s: %s", text, FORM);
    levels l = {.given = true, .text = text};
    l.low = bound(text, (size_t)(colon - text), &l.low_percent, text);
    l.high = bound(colon + 1, strlen(colon + 1), &l.high_percent, text);
    if (l.low_percent == l.high_percent && !(l.low < l.high))
        fail("--levels %s: LOW must be below HIGH; %s", text, FORM);
    return l;
}

/* The sample that would stand at `rank` if they were sorted; changes their order (Hoare's selection). */
static float select_rank(float *samples, size_t count, size_t rank) {
    size_t first = 0, last = count - 1;
    while (first < last) {
        float pivot = samples[first + (last - first) / 2];
        size_t i = first, j = last;
        while (true) {
            while (samples[i] < pivot) i++;
            while (samples[j] > pivot) j--;
            if (i >= j) break;
            float swap = samples[i];
            samples[i++] = samples[j];
            samples[j--] = swap;
        }
        if (rank <= j)
            last = j;
        else
            first = j + 1;
    }
    return samples[rank];
}

static double count_of(double value, bool percent, float *copy, size_t pixels) {
    if (!percent) return value;
    return (double)select_rank(copy, pixels, (size_t)floor(value / 100 * (double)(pixels - 1) + 0.5));
}

levels_watch levels_watch_begin(void) {
    return (levels_watch){.low = INFINITY, .high = -INFINITY, .deep = true, .floats = true};
}

static void see(levels_watch *watch, const image *frame, double low, double high, double span) {
    watch->frames++;
    if (span > watch->span) watch->span = span;
    if (low < watch->low) watch->low = low;
    if (high > watch->high) watch->high = high;
    watch->floats = watch->floats && frame->full == 0;
    watch->deep = watch->deep && frame->full > (float)WHITE;
    double share = frame->full > 0 ? high / (double)frame->full : 1;
    if (share > watch->share) watch->share = share;
}

static void check(const levels *l, const char *name, const image *frame, size_t pixels, double low, double high) {
    double full = (double)frame->full;
    for (size_t i = 0; frame->full == 0 && i < pixels; i++)
        if (!isfinite(frame->grey[i]))
            fail("%s: pixel %zu is not finite; give grey levels 0..255, or counts with --levels LOW:HIGH", name, i);
    if (!l->given && frame->full == 0 && !(low >= 0 && high <= WHITE))
        fail("%s: has samples of no known scale, from %.6g to %.6g, and grey levels are 0 to 255; say what is black and "
             "what is white with --levels LOW:HIGH (--levels %.6g:%.6g, or --levels 1%%:99%%)",
             name, low, high, low, high);
    for (size_t i = 0; l->whole && !l->given && frame->full == 0 && i < pixels; i++)
        if (frame->grey[i] != rintf(frame->grey[i]))
            fail("%s: has levels between whole ones (pixel %zu is %.6g), and the model takes bytes; round them, or have "
                 "them rounded with --levels 0:255",
                 name, i, (double)frame->grey[i]);
    if (l->given && full > 0 && ((!l->low_percent && l->low >= full) || (!l->high_percent && l->high <= 0)))
        fail("%s: has samples from 0 to %.6g, and --levels %s leave none of them; %s", name, full, l->text, FORM);
}

/* Bytes are levels as they are. */
static void see_bytes(levels_watch *watch, const image *frame) {
    size_t pixels = image_samples(frame);
    uint8_t least = 255, most = 0;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t level = frame->bytes[i];
        least = level < least ? level : least;
        most = level > most ? level : most;
    }
    see(watch, frame, least, most, most - least);
}

void levels_apply(const levels *l, levels_watch *watch, const char *name, image *frame) {
    if (frame->bytes && !l->given) {
        see_bytes(watch, frame);
        return;
    }
    image_floats(frame);
    size_t pixels = image_samples(frame);
    float *grey = frame->grey;
    double least = (double)grey[0], most = least;
    for (size_t i = 1; i < pixels; i++) {
        if ((double)grey[i] < least) least = (double)grey[i];
        if ((double)grey[i] > most) most = (double)grey[i];
    }
    check(l, name, frame, pixels, least, most);
    if (!l->given && (double)frame->full == WHITE) { /* they are levels */
        see(watch, frame, least, most, most - least);
        return;
    }
    double low = 0, high = frame->full > 0 ? (double)frame->full : WHITE;
    if (l->given) {
        float *copy = NULL;
        if (l->low_percent || l->high_percent) copy = memcpy(memory(pixels * sizeof *copy), grey, pixels * sizeof *copy);
        low = count_of(l->low, l->low_percent, copy, pixels);
        high = count_of(l->high, l->high_percent, copy, pixels);
        free(copy);
    }
    double darkest = WHITE, brightest = 0;
    for (size_t i = 0; i < pixels; i++) {
        double sample = (double)grey[i];
        /* of a frame whose percentiles are one count: what is above is white */
        double level = high > low ? (sample - low) * WHITE / (high - low) : sample > high ? WHITE : 0;
        level = level < 0 ? 0 : level > WHITE ? WHITE : level;
        grey[i] = (float)level;
        if (level < darkest) darkest = level;
        if (level > brightest) brightest = level;
    }
    see(watch, frame, least, most, brightest - darkest);
}

void levels_note(const levels *l, const levels_watch *watch) {
    if (!watch->frames || (!l->given && watch->low == watch->high)) return; /* blank frames have no scale */
    bool few = watch->span < FEW, deep = watch->deep && watch->share <= DEEP_SHARE;
    bool units = watch->floats && watch->low >= 0 && watch->high <= 1;
    if (l->given ? !few : !few && !deep && !units) return;
    fprintf(stderr, "biisnet-run: note: ");
    if (watch->frames == 1)
        fprintf(stderr, "the frame has");
    else
        fprintf(stderr, "all %ld frames have", watch->frames);
    fprintf(stderr, " samples from %.6g to %.6g", watch->low, watch->high);
    if (l->given)
        fprintf(stderr, ", of which --levels %s make %.3g of 255 grey levels; give others\n", l->text, watch->span);
    else if (units)
        fprintf(stderr, ", and grey levels are 0 to 255; if 1 is white, say --levels 0:1\n");
    else
        fprintf(stderr,
                "; if that is the sensor's range, say --levels %.6g:%.6g, or --levels 1%%:99%% for each frame's own\n",
                watch->low, watch->high);
}
