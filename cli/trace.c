/* greenprint trace: tells on the marked text of which tenants a model was trained. */
#include "audit_findings.h"

static int write_reports(const trace_findings *all) {
  const audit_options *options = all->evidence.options;
  if (options->html != NULL) {
    const int status = trace_write_page(all, options->html);
    if (status != CLI_OK) {
      return status;
    }
  }
  if (!options->json) {
    trace_print_text(all, options->quiet);
  } else if (!trace_print_json(all)) {
    return cli_fail(options->command, "out of memory: the report");
  }
  return cli_flush(options->command);
}

static int run(const audit_options *options, trace_findings *all) {
  int status = tenants_read(options->command, options->tenants, &all->list);
  if (status == CLI_OK) {
    status = trace_check_served(options, &all->list);
  }
  if (status == CLI_OK) {
    status = evidence_collect(options, &all->evidence);
  }
  if (status == CLI_OK) {
    status = trace_run_tests(all);
  }
  return status == CLI_OK ? write_reports(all) : status;
}

int cli_trace(int argc, char **argv) {
  static audit_options options;
  const int parsed = trace_parse_options(argc, argv, &options);
  if (parsed != CLI_OK) {
    return parsed;
  }
  if (options.help) {
    (void)fputs(trace_help, stdout);
    return cli_flush(options.command);
  }
  trace_findings all = {0};
  const int status = run(&options, &all);
  const int verdict = all.n_found > 0 ? CLI_OK : CLI_NOT_FOUND;
  trace_findings_free(&all);
  return status == CLI_OK ? verdict : status;
}
