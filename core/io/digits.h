/* Decimal digits, eight at a time. Eight characters are taken as one number, and their digits
 * are added up in pairs, pairs of pairs and halves, without a branch for each: the lengths of
 * random ids are hard to predict, and a wrong guess costs a processor more than the sum. */
#ifndef GP_IO_DIGITS_H
#define GP_IO_DIGITS_H

#include "common/bytes.h"

#define GP_DIGITS_MAX 8U

/* Eight characters, the first in the lowest byte, with digits as 0 to 9. */
static inline uint64_t gp_load_digits(const char *characters) {
  return gp_load_le64((const uint8_t *)characters) ^ UINT64_C(0x3030303030303030);
}

/* How many of them are digits before the first that is none. Adding 0x76 sets the high bit of
 * all others; a carry out of one disturbs only those after it. */
static inline unsigned gp_count_digits(uint64_t digits) {
  const uint64_t others =
      ((digits + UINT64_C(0x7676767676767676)) | digits) & UINT64_C(0x8080808080808080);
  return others == 0 ? GP_DIGITS_MAX : (unsigned)__builtin_ctzll(others) / 8U;
}

/* The number that the first 1 to 8 are. */
static inline uint32_t gp_sum_digits(uint64_t digits, unsigned count) {
  uint64_t sum = digits << 8U * (GP_DIGITS_MAX - count); /* zeros in front; drops what follows */
  sum = (sum * 10 + (sum >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
  sum = (sum * 100 + (sum >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
  sum = sum * 10000 + (sum >> 32);
  return (uint32_t)sum;
}

#endif
