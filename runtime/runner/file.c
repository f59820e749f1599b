/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

enum { MAX_FILE_BYTES = 1 << 29, MAX_OUTPUTS = 2 };

/* Outputs written but not yet renamed. */
static struct {
    const char *path;
    char *temporary;
} pending[MAX_OUTPUTS];
static int pending_count;

void *memory(size_t bytes) {
    void *block = malloc(bytes ? bytes : 1);
    if (!block) fail("no memory for %zu bytes; use a smaller image", bytes);
    return block;
}

uint8_t *file_read(const char *path, size_t *bytes) {
    struct stat status;
    /* Before it is opened, which a pipe may make last for ever. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) fail("%s: is not a regular file; give an image file", path);
    FILE *stream = fopen(path, "rb");
    if (!stream || fstat(fileno(stream), &status) != 0)
        fail("%s: cannot be opened (%s); check the path", path, strerror(errno));
    if (status.st_size > MAX_FILE_BYTES)
        fail("%s: is larger than %d bytes; use a smaller image", path, MAX_FILE_BYTES);
    *bytes = (size_t)status.st_size;
    uint8_t *data = memory(*bytes);
    if (fread(data, 1, *bytes, stream) != *bytes) fail("%s: cannot be read; check the disk", path);
    fclose(stream);
    return data;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool folder_status(const char *path, struct stat *status) {
    size_t length = (size_t)(base_name(path) - path);
    char *folder = memory(length + 2);
    snprintf(folder, length + 2, "%.*s.", (int)length, path); /* "a/b" is in "a/.", "b" in "." */
    bool found = stat(folder, status) == 0;
    free(folder);
    return found;
}

bool output_same(const char *path, const char *other) {
    struct stat one, two;
    /* Of the folder, not of the file: it need not be there, and a link of that name would be replaced. */
    if (!folder_status(path, &one) || !folder_status(other, &two)) return strcmp(path, other) == 0;
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino && strcmp(base_name(path), base_name(other)) == 0;
}

static void check_target(const char *path) {
    struct stat status;
    /* Renaming over a device such as /dev/null would replace it. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        fail("%s: exists and is not a regular file; give another output name", path);
}

void output_write(const char *path, const void *data, size_t bytes) {
    check_target(path);
    size_t length = strlen(path) + 32;
    char *name = memory(length);
    snprintf(name, length, "%s.%d.%ld.tmp", path, pending_count, (long)getpid());
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (file < 0) {
        int reason = errno;
        free(name);
        fail("%s: cannot be written (%s); give a writable place", path, strerror(reason));
    }
    pending[pending_count].path = path;
    pending[pending_count++].temporary = name;
    const uint8_t *rest = data;
    while (bytes > 0) {
        ssize_t written = write(file, rest, bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("%s: writing stopped (%s); free some space", path, strerror(errno));
        rest += written;
        bytes -= (size_t)written;
    }
    if (close(file) != 0) fail("%s: writing stopped (%s); free some space", path, strerror(errno));
}

void outputs_commit(void) {
    while (pending_count > 0) {
        int last = pending_count - 1;
        if (rename(pending[last].temporary, pending[last].path) != 0)
            fail("%s: cannot be renamed to (%s); give another name", pending[last].path, strerror(errno));
        free(pending[last].temporary);
        pending_count = last;
    }
}

void outputs_discard(void) {
    for (; pending_count > 0; pending_count--) {
        unlink(pending[pending_count - 1].temporary);
        free(pending[pending_count - 1].temporary);
    }
}
