/* SPDX-License-Identifier: Apache-2.0 */
/* exp and log, by additions, multiplications and divisions alone, in an order that elementary.py has, too: libraries'
 * own differ in the last bit. (Cody and Waite, Software Manual for the Elementary Functions, 1980.)
 *
 *     exp(x):  x = k ln 2 + r, |r| <= ln 2 / 2;  2^k times the series of exp(r), by Horner's rule, to below 1e-18
 *     log(x):  x = 2^k m, 1/sqrt(2) <= m < sqrt(2), s = (m - 1) / (m + 1);  k ln 2 + 2 (s + s^3/3 + s^5/5 + ...) */
#ifndef BIISNET_RUN_ELEMENTARY_H
#define BIISNET_RUN_ELEMENTARY_H

/* exp(x), of x cut off at 700 and -700. */
double exponential(double x);

/* log(x), of finite x above 0. */
double logarithm(double x);

#endif
