/* SPDX-License-Identifier: Apache-2.0 */
/* votes M/N RADIUS: of each frame on standard input, a count and so many boxes (top left height width), a line of those
 * that the runner's voter keeps, each by its number. */
#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "vote.h"

int main(int count, char **arguments) {
    if (count != 3) return 1;
    voter v = {.rule = vote_parse(arguments[1])};
    v.rule.radius = strtod(arguments[2], NULL);
    long boxes;
    while (scanf("%ld", &boxes) == 1) {
        target *found = memory((size_t)boxes * sizeof *found);
        for (long i = 0; i < boxes; i++) {
            target *t = &found[i];
            *t = (target){.pixels = i};
            if (scanf("%d %d %d %d", &t->top, &t->left, &t->height, &t->width) != 4) return 1;
        }
        size_t kept = voter_see(&v, found, (size_t)boxes);
        for (size_t i = 0; i < kept; i++) printf(" %ld", found[i].pixels);
        putchar('\n');
        free(found);
    }
    voter_close(&v);
    return 0;
}
