/* SPDX-License-Identifier: Apache-2.0 */
/* What the headers tell about the model without an instance: read from the constant plan. */
#include "biisnet.h"
#include "biisnet_probe.h"
#include "plan.h"

static const bn_tensor *input(int32_t index) {
    return index >= 0 && index < biisnet_plan.inputs ? &biisnet_plan.input[index] : NULL;
}

static const bn_tensor *output(int32_t index) {
    return index >= 0 && index < biisnet_plan.outputs ? &biisnet_plan.output[index] : NULL;
}

static const bn_stage *stage(int32_t index) {
    return index >= 0 && index < biisnet_plan.stages ? &biisnet_plan.stage[index] : NULL;
}

uint32_t biisnet_abi_version(void) { return BIISNET_ABI_VERSION; }

const char *biisnet_status_string(biisnet_status status) {
    switch (status) {
        case BIISNET_OK: return "success";
        case BIISNET_E_ARGUMENT:
            return "an argument is null, out of range, too small or misaligned";
        case BIISNET_E_MEMORY: return "out of memory";
        case BIISNET_E_THREAD: return "the system refused to start a thread";
        case BIISNET_E_PLAN: return "the library's plan does not fit its runtime; compile the model again";
        case BIISNET_E_UNBOUND: return "the stage needs inputs or outputs that are not bound";
        case BIISNET_E_DTYPE: return "an input or an output is said to be of another type than the model's";
        case BIISNET_E_PROCESS:
            return "the instance's threads are not in this process, which was forked; make another instance in it";
        default: return "unknown status";
    }
}

const char *biisnet_model_name(void) { return biisnet_plan.model_name; }
const char *biisnet_model_sha256(void) { return biisnet_plan.model_sha256; }
biisnet_task biisnet_model_task(void) { return biisnet_plan.task; }
float biisnet_threshold(void) { return biisnet_plan.threshold; }
double biisnet_score_slope(void) { return biisnet_plan.score_slope; }
double biisnet_score_offset(void) { return biisnet_plan.score_offset; }
int32_t biisnet_receptive_field_radius(void) { return biisnet_plan.field_radius; }
int32_t biisnet_receptive_field_stride(void) { return biisnet_plan.field_stride; }

int32_t biisnet_input_count(void) { return biisnet_plan.inputs; }
const char *biisnet_input_name(int32_t index) { return input(index) ? input(index)->name : NULL; }
biisnet_dtype biisnet_input_dtype(int32_t index) { return input(index) ? input(index)->dtype : BIISNET_FLOAT32; }
biisnet_meaning biisnet_input_meaning(int32_t index) {
    return input(index) ? input(index)->meaning : BIISNET_MEANING_MAP;
}
int32_t biisnet_input_rank(int32_t index) { return input(index) ? input(index)->rank : 0; }
const int64_t *biisnet_input_shape(int32_t index) { return input(index) ? input(index)->shape : NULL; }

int32_t biisnet_output_count(void) { return biisnet_plan.outputs; }
const char *biisnet_output_name(int32_t index) { return output(index) ? output(index)->name : NULL; }
biisnet_dtype biisnet_output_dtype(int32_t index) { return output(index) ? output(index)->dtype : BIISNET_FLOAT32; }
biisnet_meaning biisnet_output_meaning(int32_t index) {
    return output(index) ? output(index)->meaning : BIISNET_MEANING_MAP;
}
double biisnet_output_scale(int32_t index) { return output(index) ? output(index)->scale : 0; }
int32_t biisnet_output_rank(int32_t index) { return output(index) ? output(index)->rank : 0; }
const int64_t *biisnet_output_shape(int32_t index) { return output(index) ? output(index)->shape : NULL; }

int32_t biisnet_stage_count(void) { return biisnet_plan.stages; }
const char *biisnet_stage_name(int32_t index) { return stage(index) ? stage(index)->name : NULL; }
uint64_t biisnet_stage_params_bytes(int32_t index) { return stage(index) ? stage(index)->params_bytes : 0; }
