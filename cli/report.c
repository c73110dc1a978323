#include "report.h"

#include "cli.h"

int report_set_form(const char *command, report_form form, report_form *chosen) {
  if (*chosen != REPORT_TEXT && *chosen != form) {
    return cli_fail(command, "--json and --json-lines exclude each other");
  }
  *chosen = form;
  return CLI_OK;
}

int report_print(const char *command, report_form form, const findings *all) {
  if (form == REPORT_TEXT || form == REPORT_BRIEF) {
    report_print_text(all, form == REPORT_BRIEF);
  } else if (!report_print_json(all, form == REPORT_JSON_LINES)) {
    return cli_fail(command, "out of memory: the report");
  }
  return cli_flush(command);
}
