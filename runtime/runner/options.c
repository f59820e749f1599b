/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "biisnet.h"
#include "fail.h"
#include "session.h"

void options_help(void) {
    puts("usage: biisnet-run [options] IMAGE | FOLDER | -\n"
         "\n"
         "Runs the model on an image (PNG or PGM, any size: it is resized to the model's and back), on all of a folder's,\n"
         "or on raw frames on standard input (-, with --raw). What it prints and writes is the model's task:\n"
         "\n"
         "detection (of targets in infrared images)\n"
         "  --targets            print a line of CSV for each target: its box, centroid, score and pixels\n"
         "  --mask FILE.pgm      write the mask: 255 where there is a target, 0 elsewhere\n"
         "  --probability FILE   write the probability map: .pgm (8 bits) or .f32 (little-endian float32)\n"
         "  --tile               cut an image larger than the model into tiles that overlap, instead of resizing it\n"
         "  --threshold P        a pixel is a target above this probability, instead of the model's own\n"
         "  --vote M/N           of a stream: report targets only that at least M of the last N frames have\n"
         "  --vote-radius PIXELS how far away another frame's detection may be and vote for a target (default 5)\n"
         "classification\n"
         "  --top N              print so many classes, a line of CSV each (default 5)\n"
         "  --labels FILE        names of the classes, one a line\n"
         "map, segmentation, classification\n"
         "  --values FILE        write the output: .f32 (little-endian float32), or of 1 or 3 channels .pgm or .ppm\n"
         "  --range LOW:HIGH     with .pgm and .ppm: which values are black and white (default 0:255)\n"
         "  --output N           of several outputs, the one to read (default 1)\n"
         "all\n"
         "  --raw HxW[:TYPE]     IMAGE is H*W raw pixels: u8, u16le, u16be, or f32 (little-endian; the default), of a\n"
         "                       model of several channels one after the other\n"
         "  --levels LOW:HIGH    what is black and white, in the sensor's counts (7000:9000) or as percentiles of each\n"
         "                       frame (1%:99%); without it, by the file's depth, and floats are grey levels 0..255\n"
         "  --threads N          run on N threads (default 1)\n"
         "  --bench N            time N warm inferences, print one line of JSON\n"
         "  --stages N           time N runs of each stage by itself, print one line of JSON\n"
         "  --times              with --bench: each of them too\n"
         "  --roi                bracket one warm inference with prctl(0x41373201), prctl(0x41373202)\n"
         "  --info               describe the model as JSON\n"
         "  --probe              serve verification on stdin and stdout\n"
         "  --help, --version");
}

static int integer(const char *option, const char *text, int low, int high) {
    if (!text) fail("%s: needs a value; see --help", option);
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < low || value > high)
        fail("%s %s: give a whole number from %d to %d", option, text, low, high);
    return (int)value;
}

static bool raw_type_of(const char *name, raw_type *type) {
    static const char *const names[] = {[RAW_U8] = "u8", [RAW_U16LE] = "u16le", [RAW_U16BE] = "u16be", [RAW_F32] = "f32"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(name, names[i]) == 0) {
            *type = (raw_type)i;
            return true;
        }
    return false;
}

static void raw_size(const char *text, options *o) {
    char *end;
    long height = strtol(text, &end, 10), width = 0;
    bool good = end != text && *end == 'x';
    if (good) {
        const char *second = end + 1;
        width = strtol(second, &end, 10);
        good = end != second && (!*end || (*end == ':' && raw_type_of(end + 1, &o->raw_type)));
    }
    if (!good || height < 1 || width < 1 || !image_size_allowed((uint64_t)height, (uint64_t)width))
        fail("--raw %s: give the height and width, and u8, u16le, u16be or f32, for example 480x640:u16le", text);
    o->raw_height = (int)height;
    o->raw_width = (int)width;
}

static bool flag(const char *name, options *o) {
    bool *target = strcmp(name, "--targets") == 0   ? &o->targets
                   : strcmp(name, "--tile") == 0    ? &o->tile
                   : strcmp(name, "--times") == 0   ? &o->times
                   : strcmp(name, "--roi") == 0     ? &o->roi
                   : strcmp(name, "--info") == 0    ? &o->info
                   : strcmp(name, "--probe") == 0   ? &o->probe
                   : strcmp(name, "--help") == 0    ? &o->help
                   : strcmp(name, "--version") == 0 ? &o->version
                                                    : NULL;
    if (target) *target = true;
    return target != NULL;
}

static void range(const char *text, options *o) {
    char *end;
    o->low = strtod(text, &end);
    bool good = end != text && *end == ':';
    if (good) {
        const char *second = end + 1;
        o->high = strtod(second, &end);
        good = end != second && !*end && o->low < o->high && o->high - o->low <= 1e30;
    }
    if (!good) fail("--range %s: give which values are black and white, for example 0:1", text);
    o->range = true;
}

static double number(const char *option, const char *text, const char *what, double high) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value <= high))
        fail("%s %s: give %s from 0 to %g", option, text, what, high);
    return value;
}

static bool valued(const char *name, const char *value, options *o) {
    if (strcmp(name, "--mask") == 0)
        o->mask = value;
    else if (strcmp(name, "--probability") == 0)
        o->probability = value;
    else if (strcmp(name, "--output") == 0)
        o->output = integer(name, value, 1, SESSION_MAX_TENSORS) - 1;
    else if (strcmp(name, "--values") == 0)
        o->values = value;
    else if (strcmp(name, "--labels") == 0)
        o->labels = value;
    else if (strcmp(name, "--top") == 0)
        o->top = integer(name, value, 1, 1000000);
    else if (strcmp(name, "--range") == 0)
        range(value ? value : "", o);
    else if (strcmp(name, "--raw") == 0)
        raw_size(value ? value : "", o);
    else if (strcmp(name, "--vote") == 0)
        o->vote = vote_parse(value ? value : "");
    else if (strcmp(name, "--vote-radius") == 0)
        o->vote_radius = number(name, value ? value : "", "pixels", VOTE_MAX_RADIUS);
    else if (strcmp(name, "--threshold") == 0)
        o->threshold = number(name, value ? value : "", "a probability", 1);
    else if (strcmp(name, "--levels") == 0)
        o->levels = levels_parse(value ? value : "");
    else if (strcmp(name, "--threads") == 0)
        o->threads = integer(name, value, 1, BIISNET_MAX_THREADS);
    else if (strcmp(name, "--bench") == 0)
        o->bench = integer(name, value, 1, 1000000);
    else if (strcmp(name, "--stages") == 0)
        o->stages = integer(name, value, 1, 1000000);
    else
        return false;
    if (!value || !*value) fail("%s: needs a value; see --help", name);
    return true;
}

options options_parse(int count, char **arguments) {
    options o = {.threads = 1, .raw_type = RAW_F32, .high = 255, .channels = 1, .threshold = -1, .vote_radius = -1};
    bool words = false; /* after "--", which ends the options */
    for (int i = 1; i < count; i++) {
        char *word = arguments[i];
        if (!words && strcmp(word, "--") == 0) {
            words = true;
        } else if (words || word[0] != '-' || !word[1]) { /* "-" alone is standard input */
            if (o.image) fail("%s: only one image at a time; see --help", word);
            o.image = word;
        } else if (!flag(word, &o)) {
            char *equals = strchr(word, '=');
            const char *value = equals ? equals + 1 : i + 1 < count ? arguments[i + 1] : NULL;
            if (equals) *equals = 0;
            if (equals && flag(word, &o)) fail("%s: takes no value; see --help", word);
            if (!valued(word, value, &o)) fail("%s: no such option; see --help", word);
            if (!equals) i++;
        }
    }
    if (o.times && !o.bench) fail("--times goes with --bench; see --help");
    if (o.vote_radius >= 0 && !o.vote.frames) fail("--vote-radius goes with --vote; see --help");
    if (o.vote_radius >= 0) o.vote.radius = o.vote_radius;
    if (o.range && !o.values) fail("--range goes with --values; see --help");
    if (o.targets && (o.bench || o.stages)) fail("--targets: a measurement prints one line of JSON; leave it out");
    if (!o.image && !o.info && !o.probe && !o.help && !o.version) fail("no image given; see --help");
    return o;
}
