#include "aes.h"

#include "measure.h"
#include "prf/prf.h"

bench_aes bench_aes_new(void) {
  const uint8_t key[16] = {1};
  bench_aes aes = {.cipher = EVP_CIPHER_CTX_new()};
  if (aes.cipher == NULL ||
      EVP_EncryptInit_ex(aes.cipher, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
      EVP_CIPHER_CTX_set_padding(aes.cipher, 0) != 1) {
    bench_fail("OpenSSL", "no AES-128-ECB");
  }
  return aes;
}

void bench_aes_free(bench_aes *aes) {
  EVP_CIPHER_CTX_free(aes->cipher);
}

void bench_aes_run(void *work) {
  static _Alignas(64) uint8_t buffer[GP_PRF_BATCH * GP_BLOCK_SIZE];
  const bench_aes *aes = work;
  for (size_t done = 0; done < aes->blocks; done += GP_PRF_BATCH) {
    const size_t left = aes->blocks - done;
    const size_t now = left < GP_PRF_BATCH ? left : GP_PRF_BATCH;
    int size = 0;
    if (EVP_EncryptUpdate(aes->cipher, buffer, &size, buffer, (int)(now * GP_BLOCK_SIZE)) != 1) {
      bench_fail("OpenSSL", "encryption failed");
    }
  }
  bench_use(buffer[0]);
}
