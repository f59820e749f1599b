/* SPDX-License-Identifier: Apache-2.0 */
/* detect FRAME: a frame of grey levels in, the number of target pixels out.
 *
 * FRAME is raw, row by row, of the model's own size and type: bytes, or float32 from 0 to 255 (the image in a bundle's
 * golden/ is one). */
#include <stdio.h>
#include <stdlib.h>

#include "biisnet.h"

static size_t elements(int32_t rank, const int64_t *shape) {
    size_t count = 1;
    for (int32_t i = 0; i < rank; i++) count *= (size_t)shape[i];
    return count;
}

/* Value i of an output: a probability in float32, or of an integer network its logit. */
static float value(const biisnet_output *output, size_t i) {
    return output->dtype == BIISNET_INT16 ? ((const int16_t *)output->data)[i] : ((const float *)output->data)[i];
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: detect FRAME\n");
        return 2;
    }
    /* a library opened by name may be another version than this file was compiled with */
    if (biisnet_abi_version() != BIISNET_ABI_VERSION) {
        fprintf(stderr, "the library has ABI %u, not %d\n", (unsigned)biisnet_abi_version(), BIISNET_ABI_VERSION);
        return 2;
    }
    size_t in = elements(biisnet_input_rank(0), biisnet_input_shape(0));
    size_t out = elements(biisnet_output_rank(0), biisnet_output_shape(0));
    size_t item = biisnet_input_dtype(0) == BIISNET_UINT8 ? 1 : sizeof(float);
    void *grey = malloc(in * item), *map = malloc(out * sizeof(float)); /* the largest that an output's element is */
    FILE *file = fopen(arguments[1], "rb");
    if (!grey || !map || !file || fread(grey, item, in, file) != in) {
        fprintf(stderr, "%s: not a frame of %zu times %zu bytes\n", arguments[1], in, item);
        return 2;
    }
    fclose(file);
    const biisnet_input input = {.data = grey, .dtype = biisnet_input_dtype(0)};
    const biisnet_output output = {map, biisnet_output_dtype(0)};

    biisnet_model *model;
    biisnet_status status = biisnet_create(&model, 2);
    if (status == BIISNET_OK) status = biisnet_run(model, &input, &output);
    if (status != BIISNET_OK) {
        fprintf(stderr, "%s\n", biisnet_status_string(status));
        return 2;
    }
    size_t targets = 0;
    for (size_t i = 0; i < out; i++) targets += value(&output, i) > biisnet_threshold();
    printf("%s: %zu of %zu pixels are target\n", biisnet_model_name(), targets, out);

    biisnet_destroy(model);
    free(map);
    free(grey);
    return 0;
}
