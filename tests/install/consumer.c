/* A program of somebody else's, in the common subset of C and C++. */
#include <greenprint.h>
#include <stdio.h>

int main(void) {
  gp_error error;
  gp_key *key = NULL;
  gp_watermark *watermark = NULL;
  const gp_params params = gp_params_default();
  const uint32_t tokens[] = {1, 2, 3};
  float logits[64] = {0};
  gp_row row = {tokens, 3, NULL};
  if (gp_key_generate(&params, &key, &error) != GP_OK ||
      gp_watermark_new(key, NULL, &watermark, &error) != GP_OK ||
      gp_bias(watermark, GP_FLOAT32, logits, 64, &row, &error) != GP_OK) {
    (void)fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  float sum = 0;
  for (int i = 0; i < 64; i++) {
    sum += logits[i];
  }
  gp_watermark_free(watermark);
  gp_key_free(key);
  (void)printf("libgreenprint %s, %g\n", gp_version(), (double)sum);
  return sum > 0 ? 0 : 1;
}
