#include "report.h"

#include "cli.h"

int report_set_form(const char *command, report_form form, report_form *chosen) {
  if (*chosen != REPORT_TEXT && *chosen != form) {
    return cli_fail(command, "--json and --json-lines exclude each other");
  }
  *chosen = form;
  return CLI_OK;
}

static int print(const char *command, report_form form, const findings *all) {
  if (form == REPORT_TEXT || form == REPORT_BRIEF) {
    report_print_text(all, form == REPORT_BRIEF);
  } else if (!report_print_json(all, form == REPORT_JSON_LINES)) {
    return cli_fail(command, "out of memory: the report");
  }
  return cli_flush(command);
}

int report_end(const char *command, int status, report_form form, bool quiet, findings *all) {
  if (status == CLI_OK) {
    status = print(command, quiet && form == REPORT_TEXT ? REPORT_BRIEF : form, all);
  }
  const int verdict = all->found ? CLI_OK : CLI_NOT_FOUND;
  findings_free(all);
  return status == CLI_OK ? verdict : status;
}
