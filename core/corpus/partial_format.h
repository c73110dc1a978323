/* Constants of partial files (SPEC.md section 12). */
#ifndef GP_CORPUS_PARTIAL_FORMAT_H
#define GP_CORPUS_PARTIAL_FORMAT_H

#include <stdint.h>

#define GP_PARTIAL_VERSION       1
#define GP_PARTIAL_HEADER_SIZE   76
#define GP_PARTIAL_CHECKSUM_SIZE 32
#define GP_VARINT_MAX            10 /* bytes */

static const uint8_t gp_partial_magic[8] = {0x89, 'G', 'P', 'P', 'A', 'R', '\r', '\n'};

enum {
  GP_PARTIAL_HAS_TENANT = 1,
  GP_PARTIAL_HAS_DOCUMENTS = 2
};

enum {
  GP_PARTIAL_TAG_INPUT = 1,
  GP_PARTIAL_TAG_DOCUMENT = 2,
  GP_PARTIAL_TAG_FACTS = 3,
  GP_PARTIAL_TAG_END = 255
};

#endif
