/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "frames.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "fail.h"
#include "file.h"
#include "image.h"

/* What an image's name ends with, in capitals too: images.py has the same. Only the first of them are read here. */
static const char *const SUFFIXES[] = {".pgm", ".png", ".bmp", ".jpeg", ".jpg", ".tif", ".tiff", ".webp"};
enum { READABLE = 2, ALL = sizeof SUFFIXES / sizeof *SUFFIXES };

static bool ends_with_one_of(const char *name, int count) {
    const char *end = strrchr(name, '.');
    for (int i = 0; end && i < count; i++)
        if (strcasecmp(end, SUFFIXES[i]) == 0) return true;
    return false;
}

static int is_image(const struct dirent *entry) {
    return entry->d_name[0] != '.' && ends_with_one_of(entry->d_name, ALL);
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* The name of a folder's file in f->name. */
static void join(frames *f, const char *name) {
    int length = snprintf(f->name, sizeof f->name, "%s/%s", f->o->image, name);
    if (length < 0 || (size_t)length >= sizeof f->name) fail("%s: has too long a name", name);
}

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static void list_folder(frames *f) {
    struct dirent **entries;
    int count = scandir(f->o->image, &entries, is_image, by_bytes);
    if (count < 0) fail("%s: cannot be listed (%s); check the path", f->o->image, strerror(errno));
    f->names = memory((size_t)count * sizeof *f->names);
    for (int i = 0; i < count; i++) {
        join(f, entries[i]->d_name);
        if (is_file(f->name)) {
            if (!ends_with_one_of(f->name, READABLE))
                fail("%s: is neither PNG nor PGM, which is all that is read here; convert it, or move it away", f->name);
            f->names[f->count] = strdup(entries[i]->d_name);
            if (!f->names[f->count++]) fail("no memory for the names of %d images", count);
        }
        free(entries[i]);
    }
    free(entries);
    if (f->count == 0) fail("%s: has no .png and no .pgm; give a folder of images", f->o->image);
}

frames frames_open(const options *o) {
    frames f = {.o = o, .watch = levels_watch_begin()};
    struct stat status;
    f.stream = strcmp(o->image, "-") == 0;
    if (f.stream && !o->raw_height) fail("-: standard input is raw frames; give their size with --raw HxW");
    if (!f.stream && stat(o->image, &status) == 0 && S_ISDIR(status.st_mode)) {
        if (o->raw_height) fail("%s: is a folder, and --raw is for one file or standard input", o->image);
        list_folder(&f);
    }
    return f;
}

bool frames_are_many(const frames *f) { return f->stream || f->names; }

static bool read_stream(frames *f, image *frame) {
    int height = f->o->raw_height, width = f->o->raw_width;
    size_t pixel = (size_t)f->o->channels * raw_bytes(f->o->raw_type);
    size_t bytes = (size_t)height * (size_t)width * pixel, got = 0;
    uint8_t *data = memory(bytes);
    while (got < bytes) {
        size_t more = fread(data + got, 1, bytes - got, stdin);
        if (more == 0) break;
        got += more;
    }
    if (got == 0 && feof(stdin)) {
        free(data);
        if (f->next == 0) fail("-: ended before the first frame; check what writes them");
        return false;
    }
    if (ferror(stdin)) fail("-: cannot be read (%s)", strerror(errno));
    if (got < bytes) {
        free(data);
        fail("-: ends after %zu of the %zu bytes of frame %d; correct --raw HxW:TYPE, or what writes them", got, bytes, f->next + 1);
    }
    snprintf(f->name, sizeof f->name, "frame-%06d", f->next + 1);
    *frame = image_of_raw(data, height, width, f->o->channels, f->o->raw_type);
    return true;
}

bool frames_next(frames *f, image *frame) {
    if (f->stream) {
        if (!read_stream(f, frame)) return false;
    } else if (f->names) {
        if (f->next == f->count) return false;
        join(f, f->names[f->next]);
        *frame = image_read(f->name, f->o->channels);
    } else {
        if (f->next == 1) return false;
        snprintf(f->name, sizeof f->name, "%s", f->o->image);
        const options *o = f->o;
        *frame = o->raw_height ? image_read_raw(o->image, o->raw_height, o->raw_width, o->channels, o->raw_type)
                               : image_read(o->image, o->channels);
    }
    f->next++;
    levels_apply(&f->o->levels, &f->watch, f->name, frame);
    return true;
}

void frames_close(frames *f) {
    levels_note(&f->o->levels, &f->watch);
    for (int i = 0; i < f->count; i++) free(f->names[i]);
    free(f->names);
}
