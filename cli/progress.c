#define _DEFAULT_SOURCE /* struct winsize */

#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SHOW_AFTER    0.5 /* seconds */
#define SHOW_EVERY    0.1
#define RATE_OVER     3.0 /* the rate forgets what is older, about */
#define COLUMNS_MAX   100
#define COLUMNS_LEAST 8
#define BAR_LEAST     10
#define BAR_MOST      30
#define AMOUNT_SIZE   24
#define PART_SIZE     64

/* The state of the one line. Nothing of it is read unless `active`. */
static struct {
  bool active;
  bool visible;
  uint64_t total;
  double started;
  double drawn; /* when the line was last drawn, and what had been done then */
  uint64_t drawn_bytes;
  uint64_t drawn_tokens;
  double byte_rate; /* a second; 0 before the first drawing */
  double token_rate;
  unsigned turn;
} line;

static double now(void) {
  struct timespec time;
  return clock_gettime(CLOCK_MONOTONIC, &time) == 0
             ? (double)time.tv_sec + (double)time.tv_nsec * 1e-9
             : 0;
}

/* A terminal that is gone or full is no reason to stop: what cannot be written is left out. */
static void put(const char *text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(STDERR_FILENO, text, size);
    if (written <= 0) {
      return;
    }
    text += written;
    size -= (size_t)written;
  }
}

/* Writing from the background would stop the process on some terminals, and disturb on all. */
static bool in_foreground(void) {
  const pid_t group = tcgetpgrp(STDERR_FILENO);
  return group < 0 || group == getpgrp();
}

static size_t columns(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 80;
  }
  /* One less than there are: in the last column some terminals wrap at once. */
  return size.ws_col > COLUMNS_MAX ? COLUMNS_MAX : size.ws_col - 1U;
}

void progress_start(uint64_t total_bytes, bool quiet) {
  const char *term = getenv("TERM");
  memset(&line, 0, sizeof line);
  line.active = !quiet && isatty(STDERR_FILENO) == 1 && term != NULL && term[0] != '\0' &&
                strcmp(term, "dumb") != 0;
  if (line.active) {
    line.total = total_bytes;
    line.started = now();
    line.drawn = line.started;
  }
}

/* --------------------------------------------------------------- parts of the line */

/* "1.2 GB" for the unit "B". */
static void describe_amount(char out[AMOUNT_SIZE], double amount, const char *unit) {
  static const char prefixes[] = " kMGTPE";
  size_t i = 0;
  while (amount >= 999.5 && i + 2 < sizeof prefixes) {
    amount /= 1000;
    i++;
  }
  if (i == 0) {
    (void)snprintf(out, AMOUNT_SIZE, "%.0f %s", amount, unit);
  } else {
    (void)snprintf(out, AMOUNT_SIZE, amount < 9.95 ? "%.1f %c%s" : "%.0f %c%s", amount,
                   prefixes[i], unit);
  }
}

/* "0:07", "12:34", "1:02:03"; "99:59:59" is as long as it gets. */
static void describe_time(char out[AMOUNT_SIZE], double seconds) {
  const unsigned whole = seconds < 359999 ? (unsigned)(seconds + 0.5) : 359999;
  const unsigned hours = whole / 3600;
  if (hours > 0) {
    (void)snprintf(out, AMOUNT_SIZE, "%u:%02u:%02u", hours, whole / 60 % 60, whole % 60);
  } else {
    (void)snprintf(out, AMOUNT_SIZE, "%u:%02u", whole / 60, whole % 60);
  }
}

static void describe_bar(char *out, size_t width, double share) {
  const size_t inner = width - 2;
  const size_t full = (size_t)(share * (double)inner + 0.5);
  out[0] = '[';
  for (size_t i = 0; i < inner; i++) {
    out[1 + i] = ' ';
    if (i < full) {
      out[1 + i] = i + 1 == full && full < inner ? '>' : '=';
    }
  }
  out[width - 1] = ']';
  out[width] = '\0';
}

/* What the line says. A part of a lower rank is left out later; each has a least width, so
 * that the others stay where they are when a number grows. */
enum {
  N_PARTS = 5
};
static const int ranks[N_PARTS] = {0, 3, 2, 4, 1};
static const size_t widths[N_PARTS] = {1, 16, 8, 14, 9};
typedef struct parts {
  char text[N_PARTS][PART_SIZE];
  double share; /* of the work that is done; -1 where the whole is not known */
} parts;

static void describe_known(parts *all, double share, uint64_t done) {
  char amount[AMOUNT_SIZE];
  char total[AMOUNT_SIZE];
  all->share = share;
  (void)snprintf(all->text[0], PART_SIZE, "%3d %%", (int)(100 * share));
  describe_amount(amount, (double)done, "B");
  describe_amount(total, (double)line.total, "B");
  (void)snprintf(all->text[1], PART_SIZE, "%s of %s", amount, total);
  if (line.byte_rate > 0) {
    describe_time(amount, (double)(line.total - done) / line.byte_rate);
    (void)snprintf(all->text[4], PART_SIZE, "%s left", amount);
  }
}

static void describe_unknown(parts *all, uint64_t done, double time) {
  all->share = -1;
  (void)snprintf(all->text[0], PART_SIZE, "%c", "|/-\\"[line.turn++ % 4]);
  describe_amount(all->text[1], (double)done, "B");
  describe_time(all->text[4], time - line.started);
}

static void describe(parts *all, uint64_t done, double time) {
  memset(all, 0, sizeof *all);
  if (line.total > 0) {
    const uint64_t inside = done < line.total ? done : line.total;
    describe_known(all, (double)inside / (double)line.total, inside);
  } else {
    describe_unknown(all, done, time);
  }
  describe_amount(all->text[2], line.byte_rate, "B/s");
  describe_amount(all->text[3], line.token_rate, "tokens/s");
}

/* -------------------------------------------------------------------- drawing it */

/* The width of the parts up to a rank, with two blanks between them. */
static size_t width_of(const parts *all, int rank) {
  size_t width = 0;
  for (size_t i = 0; i < N_PARTS; i++) {
    if (ranks[i] <= rank && all->text[i][0] != '\0') {
      const size_t length = strlen(all->text[i]);
      width += (length > widths[i] ? length : widths[i]) + (width > 0 ? 2 : 0);
    }
  }
  return width;
}

static void append(char text[COLUMNS_MAX + 1], const char *part, size_t width) {
  const size_t length = strlen(text);
  (void)snprintf(text + length, COLUMNS_MAX + 1 - length, "%s%*s", length > 0 ? "  " : "",
                 (int)width, part);
}

/* As many parts as there is room for, the bar in what is left. */
static void compose(char out[COLUMNS_MAX + 1], const parts *all, size_t room) {
  int rank = N_PARTS - 1;
  while (rank > 0 && width_of(all, rank) > room) {
    rank--;
  }
  const size_t left = room - width_of(all, rank);
  char bar[BAR_MOST + 1] = "";
  if (all->share >= 0 && left >= BAR_LEAST + 2) {
    describe_bar(bar, left - 2 < BAR_MOST ? left - 2 : BAR_MOST, all->share);
  }
  out[0] = '\0';
  for (size_t i = 0; i < N_PARTS; i++) {
    if (ranks[i] <= rank && all->text[i][0] != '\0') {
      append(out, all->text[i], widths[i]);
    }
    if (i == 0 && bar[0] != '\0') {
      append(out, bar, 0);
    }
  }
}

static void update_rates(uint64_t done, uint64_t tokens, double time) {
  const double passed = time - line.drawn;
  const double byte_rate = (double)(done - line.drawn_bytes) / passed;
  const double token_rate = (double)(tokens - line.drawn_tokens) / passed;
  const double weight =
      line.byte_rate > 0 || line.token_rate > 0 ? passed / (passed + RATE_OVER) : 1;
  line.byte_rate += weight * (byte_rate - line.byte_rate);
  line.token_rate += weight * (token_rate - line.token_rate);
  line.drawn = time;
  line.drawn_bytes = done;
  line.drawn_tokens = tokens;
}

static void draw(uint64_t done, double time) {
  const size_t room = columns();
  char text[COLUMNS_MAX + 1] = "";
  if (room >= COLUMNS_LEAST) {
    parts all;
    describe(&all, done, time);
    compose(text, &all, room);
  }
  /* One write: the line is never seen half. To its start, the text, and away with the rest. */
  char out[COLUMNS_MAX + 8];
  const int size = snprintf(out, sizeof out, "\r%s\033[K", text);
  put(out, (size_t)size);
  line.visible = true;
}

void progress_update(uint64_t done_bytes, uint64_t tokens) {
  if (!line.active) {
    return;
  }
  const double time = now();
  if (time - line.started < SHOW_AFTER || time - line.drawn < SHOW_EVERY) {
    return;
  }
  update_rates(done_bytes > line.drawn_bytes ? done_bytes : line.drawn_bytes,
               tokens > line.drawn_tokens ? tokens : line.drawn_tokens, time);
  if (in_foreground()) {
    draw(line.drawn_bytes, time);
  }
}

void progress_erase(void) {
  if (line.active && line.visible) {
    put("\r\033[K", 4);
    line.visible = false;
  }
}

void progress_end(void) {
  progress_erase();
  line.active = false;
}
