/* SPDX-License-Identifier: Apache-2.0 */
/* What values of the model's output say: the rule of answers.py, bit for bit. Values are as the model gives them, in
 * float32, which holds every integer that they may be. */
#ifndef BIISNET_RUN_ANSWER_H
#define BIISNET_RUN_ANSWER_H

#include <stdbool.h>

#include "biisnet.h"

typedef struct {
    biisnet_meaning meaning;
    bool is_whole;   /* whether values are integers */
    double scale;    /* of integers: the number that is meant, for 1 */
    float threshold; /* a pixel is a target where its value is greater */
    double slope, offset; /* that make a score of a target's highest probability; 1 and 0: it is that itself */
} answer;

/* Of the model's first output, which is a detection's. */
answer answer_of_model(void);

/* The value that stands for a threshold of probabilities: its own, and no greater value's, is at most `threshold`. */
float answer_value(const answer *a, double threshold);

/* The probability, 0..1, of a target where the output has this value. */
float answer_probability(const answer *a, float value);

/* The share of targets among detections whose highest probability this is: the rule of platt.py, bit for bit. */
float answer_score(const answer *a, float probability);

#endif
