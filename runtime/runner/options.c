/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "biisnet.h"
#include "fail.h"
#include "image.h"

void options_help(void) {
    puts("usage: biisnet-run [options] IMAGE | FOLDER | -\n"
         "\n"
         "Finds targets in an infrared image (PNG or PGM, any size: it is resized to the model's and back), in all of a\n"
         "folder's, or in raw frames on standard input (-, with --raw).\n"
         "\n"
         "  --targets            print a line of CSV for each target: its box, centroid, score and pixels\n"
         "  --mask FILE.pgm      write the mask: 255 where there is a target, 0 elsewhere\n"
         "  --probability FILE   write the probability map: .pgm (8 bits) or .f32 (little-endian float32)\n"
         "  --tile               cut an image larger than the model into tiles that overlap, instead of resizing it\n"
         "  --raw HxW            IMAGE is H*W little-endian float32 grey levels, 0..255\n"
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

static void raw_size(const char *text, options *o) {
    char *end;
    long height = strtol(text, &end, 10), width = 0;
    bool good = end != text && *end == 'x';
    if (good) {
        const char *second = end + 1;
        width = strtol(second, &end, 10);
        good = end != second && !*end;
    }
    if (!good || height < 1 || width < 1 || !image_size_allowed((uint64_t)height, (uint64_t)width))
        fail("--raw %s: give the height and width, for example 256x256", text);
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

static bool valued(const char *name, const char *value, options *o) {
    if (strcmp(name, "--mask") == 0)
        o->mask = value;
    else if (strcmp(name, "--probability") == 0)
        o->probability = value;
    else if (strcmp(name, "--raw") == 0)
        raw_size(value ? value : "", o);
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
    options o = {.threads = 1};
    for (int i = 1; i < count; i++) {
        char *word = arguments[i];
        if (word[0] != '-' || !word[1]) { /* "-" alone is standard input */
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
    if (o.targets && (o.bench || o.stages)) fail("--targets: a measurement prints one line of JSON; leave it out");
    if (!o.image && !o.info && !o.probe && !o.help && !o.version) fail("no image given; see --help");
    return o;
}
