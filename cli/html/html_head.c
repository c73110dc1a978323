/* The head of a page. */
#include "html/html_out.h"

#include <sodium.h>

/* The page may use its own style sheet and script, told by their hashes, and nothing else: no
 * other script, and nothing from anywhere. */
static void put_source_hash(FILE *out, const unsigned char *bytes, size_t size) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  char base64[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
  (void)crypto_hash_sha256(hash, bytes, size);
  (void)sodium_bin2base64(base64, sizeof base64, hash, sizeof hash,
                          sodium_base64_VARIANT_ORIGINAL);
  (void)fprintf(out, "'sha256-%s'", base64);
}

void html_put_head(FILE *out, const char *title, const char *key_id, bool has_script) {
  (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "img-src data:; base-uri 'none'; form-action 'none'; style-src ",
              out);
  put_source_hash(out, html_report_css, html_report_css_size);
  if (has_script) {
    (void)fputs("; script-src ", out);
    put_source_hash(out, html_report_js, html_report_js_size);
  }
  (void)fprintf(out,
                "\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"generator\" content=\"greenprint %s\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>%s, key ",
                gp_version(), title);
  html_put(out, key_id);
  (void)fputs("</title>\n<style>", out);
  (void)fwrite(html_report_css, 1, html_report_css_size, out);
  (void)fputs("</style>\n</head>\n", out);
}
