/* SPDX-License-Identifier: Apache-2.0 */
/* detect FRAME.f32: a frame of grey levels in, the number of target pixels out.
 *
 * FRAME.f32 is float32, 0..255, row by row, of the model's own size (a bundle's golden/image.f32 is one). */
#include <stdio.h>
#include <stdlib.h>

#include "biisnet.h"

static size_t elements(int32_t rank, const int64_t *shape) {
    size_t count = 1;
    for (int32_t i = 0; i < rank; i++) count *= (size_t)shape[i];
    return count;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: detect FRAME.f32\n");
        return 2;
    }
    /* a library opened by name may be another version than this file was compiled with */
    if (biisnet_abi_version() != BIISNET_ABI_VERSION) {
        fprintf(stderr, "the library has ABI %u, not %d\n", (unsigned)biisnet_abi_version(), BIISNET_ABI_VERSION);
        return 2;
    }
    size_t in = elements(biisnet_input_rank(0), biisnet_input_shape(0));
    size_t out = elements(biisnet_output_rank(0), biisnet_output_shape(0));
    float *grey = malloc(in * sizeof *grey), *probability = malloc(out * sizeof *probability);
    FILE *file = fopen(arguments[1], "rb");
    if (!grey || !probability || !file || fread(grey, sizeof *grey, in, file) != in) {
        fprintf(stderr, "%s: not a frame of %zu float32\n", arguments[1], in);
        return 2;
    }
    fclose(file);

    biisnet_model *model;
    biisnet_status status = biisnet_create(&model, 2);
    if (status == BIISNET_OK) status = biisnet_run(model, (const float *const[]){grey}, (float *const[]){probability});
    if (status != BIISNET_OK) {
        fprintf(stderr, "%s\n", biisnet_status_string(status));
        return 2;
    }
    size_t targets = 0;
    for (size_t i = 0; i < out; i++) targets += probability[i] > biisnet_threshold();
    printf("%s: %zu of %zu pixels are target\n", biisnet_model_name(), targets, out);

    biisnet_destroy(model);
    free(probability);
    free(grey);
    return 0;
}
