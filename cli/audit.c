/* greenprint audit: looks for the mark of a key in what a model has learned. */
#include "audit_findings.h"

static int write_reports(const audit_findings *all) {
  const audit_options *options = all->evidence.options;
  if (options->html != NULL) {
    const int status = audit_write_page(all, options->html);
    if (status != CLI_OK) {
      return status;
    }
  }
  if (!options->json) {
    audit_print_text(all, options->quiet);
  } else if (!audit_print_json(all)) {
    return cli_fail(options->command, "out of memory: the report");
  }
  return cli_flush(options->command);
}

int cli_audit(int argc, char **argv) {
  static audit_options options;
  int status = audit_parse_options(argc, argv, &options);
  if (status != CLI_OK) {
    return status;
  }
  if (options.help) {
    (void)fputs(audit_help, stdout);
    return cli_flush(options.command);
  }
  audit_findings all = {0};
  status = evidence_collect(&options, &all.evidence);
  if (status == CLI_OK) {
    status = audit_run_tests(&all);
  }
  if (status == CLI_OK) {
    status = write_reports(&all);
  }
  const int verdict = all.found ? CLI_OK : CLI_NOT_FOUND;
  audit_findings_free(&all);
  return status == CLI_OK ? verdict : status;
}
