/* SPDX-License-Identifier: Apache-2.0 */
/* Bilinear resampling of one plane. */
#ifndef BIISNET_RUN_RESIZE_H
#define BIISNET_RUN_RESIZE_H

/* Output pixel (y, x) samples the input at ((y+0.5)*in_height/out_height - 0.5, likewise x), interpolated
 * linearly between the four neighbours, without antialiasing; beyond the edge the edge pixel is repeated.
 * Equal bit for bit to resize.py. A copy when the sizes are equal. */
void resize_bilinear(const float *in, int in_height, int in_width, float *out, int out_height, int out_width);

#endif
