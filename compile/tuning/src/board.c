/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a bench that TVM's RPC server calls: the runner's session, in memory of the server's process.
 * One at a time; an answer is a number, below 0 where the arguments are wrong. */
#include <string.h>

#include <tvm/ffi/c_api.h>

#include "biisnet.h"
#include "runner/session.h"

#define EXPORT __attribute__((visibility("default")))

static session bench;

static int answer(TVMFFIAny *result, int64_t value) {
    memset(result, 0, sizeof *result);
    result->type_index = kTVMFFIInt;
    result->v_int64 = value;
    return 0;
}

static const DLTensor *tensor(const TVMFFIAny *argument) {
    if (argument->type_index == kTVMFFIDLTensorPtr) return argument->v_ptr;
    if (argument->type_index == kTVMFFITensor)
        return (const DLTensor *)(const void *)((const char *)argument->v_ptr + sizeof(TVMFFIObject));
    return NULL;
}

/* (offset, uint8 tensor): the bytes of the block that it is to be copied from or to; NULL where they are outside. */
static uint8_t *range(const TVMFFIAny *arguments, int32_t count, const DLTensor **with) {
    if (count != 2 || arguments[0].type_index != kTVMFFIInt || !bench.block) return NULL;
    *with = tensor(&arguments[1]);
    if (!*with || (*with)->ndim != 1 || (*with)->dtype.bits != 8) return NULL;
    uint64_t offset = (uint64_t)arguments[0].v_int64, bytes = (uint64_t)(*with)->shape[0];
    if (offset > bench.layout.block_bytes || bytes > bench.layout.block_bytes - offset) return NULL;
    return bench.block + offset;
}

static uint8_t *data(const DLTensor *of) { return (uint8_t *)of->data + of->byte_offset; }

/* () -> bytes of the block */
EXPORT int __tvm_ffi_bench_open(void *self, const TVMFFIAny *arguments, int32_t count, TVMFFIAny *result) {
    (void)self, (void)arguments, (void)count;
    if (bench.block) session_close(&bench);
    bench = session_open(1, true, 0);
    return answer(result, (int64_t)bench.layout.block_bytes);
}

/* (0 for an input, 1 for an output; its index) -> its offset in the block */
EXPORT int __tvm_ffi_bench_offset(void *self, const TVMFFIAny *arguments, int32_t count, TVMFFIAny *result) {
    (void)self;
    if (count != 2 || !bench.block) return answer(result, -1);
    bool output = arguments[0].v_int64 != 0;
    int64_t index = arguments[1].v_int64;
    if (index < 0 || index >= (output ? biisnet_output_count() : biisnet_input_count())) return answer(result, -1);
    return answer(result, (int64_t)(output ? bench.layout.output_offset : bench.layout.input_offset)[index]);
}

/* (offset, uint8 tensor) -> 0 */
EXPORT int __tvm_ffi_bench_write(void *self, const TVMFFIAny *arguments, int32_t count, TVMFFIAny *result) {
    (void)self;
    const DLTensor *from;
    uint8_t *to = range(arguments, count, &from);
    if (!to) return answer(result, -1);
    memcpy(to, data(from), (size_t)from->shape[0]);
    return answer(result, 0);
}

/* (offset, uint8 tensor) -> 0 */
EXPORT int __tvm_ffi_bench_read(void *self, const TVMFFIAny *arguments, int32_t count, TVMFFIAny *result) {
    (void)self;
    const DLTensor *to;
    const uint8_t *from = range(arguments, count, &to);
    if (!from) return answer(result, -1);
    memcpy(data(to), from, (size_t)to->shape[0]);
    return answer(result, 0);
}

/* (stage) -> the library's status */
EXPORT int __tvm_ffi_bench_run(void *self, const TVMFFIAny *arguments, int32_t count, TVMFFIAny *result) {
    (void)self;
    if (count != 1 || !bench.block) return answer(result, -1);
    return answer(result, biisnet_run_stage(bench.probed, (int32_t)arguments[0].v_int64, NULL));
}
